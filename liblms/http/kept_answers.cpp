#include <lms/kept_answers.hpp>

#include <lms/error.hpp>
#include <lms/settings.hpp>

#include "http/answer_cache.hpp"

namespace lms {

namespace {

std::unique_ptr<AnswerCache> make_cache(const Settings& settings, Storage& storage) {
  constexpr std::size_t mebibyte = 1024UL * 1024;
  if (settings.cache_memory_mb < 1)
    throw invalid({"CACHE_MEMORY_MB"}, "must be at least 1", "value_error.number.not_ge");
  if (!settings.cache_enabled || settings.cache_max_stale.count() <= 0) return nullptr;
  return std::make_unique<AnswerCache>(storage.changes(),
                                       static_cast<std::size_t>(settings.cache_memory_mb) * mebibyte);
}

}  // namespace

KeptAnswers::KeptAnswers(const Settings& settings, Storage& storage, const Logger& logger)
    : storage_(storage), logger_(logger), cache_(make_cache(settings, storage)) {}

KeptAnswers::~KeptAnswers() = default;

KeptAnswersStatistics KeptAnswers::statistics() {
  if (!cache_) return {.enabled = false};
  return cache_->statistics();
}

KeptAnswersStatistics KeptAnswers::statistics(const Principal& who) {
  require_admin(who);
  return statistics();
}

void KeptAnswers::clear(const Principal& who) {
  require_admin(who);
  storage_.changes().note_all();
  if (cache_) cache_->clear();
  const auto& admin = who.maybe_user();
  logger_.info("security", "kept answers cleared", {{"user_id", admin ? Value(admin->text()) : Value()}});
}

const Schema& KeptAnswersStatistics::schema() {
  using S = KeptAnswersStatistics;
  static const Schema schema =
      define<S>("KeptAnswersStatistics", "What was asked of the answers that this node keeps, since the start.")
          .field("enabled", &S::enabled, {.doc = "Whether any are kept", .example = true})
          .field("hits", &S::hits, {.doc = "Questions answered with one", .example = 9'120})
          .field("misses", &S::misses, {.doc = "Questions for which there was none", .example = 388})
          .field("evictions", &S::evictions, {.doc = "Answers given up for want of room", .example = 0})
          .field("answers", &S::answers, {.doc = "Those there are", .example = 41})
          .field("bytes", &S::bytes, {.doc = "Memory that they take", .example = 260'112});
  return schema;
}

}  // namespace lms
