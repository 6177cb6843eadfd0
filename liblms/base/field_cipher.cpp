#include <lms/field_cipher.hpp>

#include <utility>

#include <lms/error.hpp>

namespace lms {

void FieldCipher::use(std::shared_ptr<const Fernet> fernet) {
  const std::lock_guard lock(mutex_);
  fernet_.swap(fernet);  // the old one ends after the lock
}

bool FieldCipher::has_keys() const {
  const std::lock_guard lock(mutex_);
  return fernet_ != nullptr;
}

std::shared_ptr<const Fernet> FieldCipher::fernet() const {
  const std::lock_guard lock(mutex_);
  if (!fernet_)
    throw unavailable("encryption_key_missing",
                      "This is stored encrypted, and the school has no key for that: set ENCRYPTION_KEY to one that "
                      "`lms-server crypto generate-key` prints.");
  return fernet_;
}

}  // namespace lms
