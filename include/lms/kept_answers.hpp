#pragma once

#include <cstdint>
#include <memory>

#include <lms/export.hpp>
#include <lms/principal.hpp>
#include <lms/schema.hpp>
#include <lms/spi/log_sink.hpp>
#include <lms/spi/storage.hpp>

/// Answers that are given again as long as nothing has changed that they show: what admins see and undo of them.
namespace lms {

class AnswerCache;
struct Settings;

/// What was asked of them since the start, and what is kept.
struct KeptAnswersStatistics {
  bool enabled = true;
  std::int64_t hits = 0;
  std::int64_t misses = 0;     ///< questions for an answer that was not there, or no longer held
  std::int64_t evictions = 0;  ///< answers given up for others, for want of room
  std::int64_t answers = 0;
  std::int64_t bytes = 0;

  LMS_API static const Schema& schema();
};

/// Thread-safe. Settings say whether there are any, for how long and how many.
class LMS_API KeptAnswers {
 public:
  /// @throws Error invalid for a memory of less than a MiB.
  KeptAnswers(const Settings& settings, Storage& storage, const Logger& logger);
  ~KeptAnswers();
  KeptAnswers(const KeptAnswers&) = delete;
  KeptAnswers& operator=(const KeptAnswers&) = delete;

  /// Those of this node. @throws Error forbidden unless an admin asks.
  KeptAnswersStatistics statistics(const Principal& who);
  KeptAnswersStatistics statistics();
  /// No node that shares the storage's changes gives again what it has kept so far.
  /// @throws Error forbidden unless an admin asks.
  void clear(const Principal& who);

  /// For the pipeline: null if none are kept.
  AnswerCache* cache() noexcept { return cache_.get(); }

 private:
  Storage& storage_;
  const Logger& logger_;
  const std::unique_ptr<AnswerCache> cache_;
};

}  // namespace lms
