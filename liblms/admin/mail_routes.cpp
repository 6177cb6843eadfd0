#include "admin/mail_routes.hpp"

namespace lms {

void add_mail_routes(Router& router, Mails& mails, Users& users) {
  router.add({.method = http::Method::post,
              .path = "/admin/mail/test",
              .operation = "sendTestMail",
              .tag = "admin",
              .summary = "Send a test mail to your own address",
              .description =
                  "It goes the way of every mail, through the queue. `GET /admin/jobs/{id}` with the id of the "
                  "answer tells what became of it: what the mail server said, or what went wrong.",
              .weight = Weight::write,
              .output = &Job::schema(),
              .status = 202,
              .errors = {{ErrorCode::forbidden, "admin_required", "Only an admin may do this."}},
              .handler = [&](Call& call) {
                const User me = users.get(call.who(), call.who().user());
                auto response = ok(mails.send_test(call.who(), me.email, me.full_name, me.language, me.timezone));
                response.status = 202;
                return response;
              }});
}

}  // namespace lms
