#include "certificate/personal_data.hpp"

namespace lms {

void add_personal_certificates(PersonalData& data, Certificates& certificates) {
  data.on_export("certificates", [&certificates](UnitOfWork& uow, const User& user, const std::string& after) {
    return export_records<Certificate>(uow, equal("student_id", user.id), after, [&](const Certificate& certificate) {
      Object shown = to_wire(certificate);
      shown.append("verification_url", certificates.verification_url(certificate));
      return shown;
    });
  });
  data.on_erasure([&certificates](UnitOfWork& uow, const Erasure& erasure, const std::string& after) {
    if (erasure.certificates == CertificateFate::keep) return std::string();
    return certificates.erase_holder(uow, erasure.user_id, after);
  });
}

}  // namespace lms
