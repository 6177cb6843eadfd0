#pragma once

#include <memory>
#include <mutex>

#include <lms/export.hpp>
#include <lms/fernet.hpp>

namespace lms {

/// The keys of the fields that schemas call `encrypted`, if a storage was given any. Thread-safe.
class LMS_API FieldCipher {
 public:
  /// From now on. Its clock and its source of randomness live as long as the pointer.
  void use(std::shared_ptr<const Fernet> fernet);

  bool has_keys() const;
  /// For what cannot go on without keys. @throws Error unavailable `encryption_key_missing`, which names the setting.
  std::shared_ptr<const Fernet> fernet() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Fernet> fernet_;
};

}  // namespace lms
