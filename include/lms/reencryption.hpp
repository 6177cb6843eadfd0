#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include <lms/export.hpp>
#include <lms/schema.hpp>
#include <lms/spi/storage.hpp>
#include <lms/value.hpp>

/// Brings what is stored encrypted under a new key, while the school is open.
namespace lms {

/// What was found and done so far, of one schema or of all.
struct Reencryption {
  std::size_t records = 0;     ///< looked at
  std::size_t renewed = 0;     ///< fields brought under the first key; the others were under it, or null
  std::size_t unreadable = 0;  ///< fields that no key can decrypt; they stay as they are
};

struct ReencryptionOptions {
  std::size_t batch = 200;  ///< records of one transaction
  /// Is told after each batch how far its schema is.
  std::function<void(const Schema& schema, const Reencryption& so_far)> on_progress = {};
  /// Is told of each field that no key can decrypt, with the record's key.
  std::function<void(const Schema& schema, const Value& key, const Field& field)> on_unreadable = {};
};

/// Encrypts every encrypted field of these schemas anew that is not under the storage's first key. Reads in batches by
/// key order and writes in short transactions; what somebody changes meanwhile keeps their value. Broken off, it can be
/// called again: what is done is only looked at.
///
/// Every process that writes must have the new key first in its list by then, or it goes on writing under the old one.
/// @throws Error unavailable `encryption_key_missing`; what the storage throws.
LMS_API Reencryption reencrypt(Storage& storage, const std::vector<const Schema*>& schemas,
                               const ReencryptionOptions& options = {});

}  // namespace lms
