#include <lms/backends/smtp.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <curl/curl.h>

#include <lms/error.hpp>

#include "backend/smtp/message_headers.hpp"
#include "base/encoding.hpp"
#include "base/mailbox.hpp"
#include "base/no_sigpipe.hpp"
#include "base/utf8.hpp"

namespace lms {

namespace {

using CurlHandle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

/// libcurl counts how often it was made ready; once for this library is enough, and is never taken back.
void make_curl_ready() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) throw internal(std::string("libcurl cannot be used: ") + curl_easy_strerror(ready));
}

void require(bool done, const char* what) {
  if (!done) throw internal(std::string("libcurl could not take ") + what);
}

template <class T>
void set(CURL* curl, CURLoption option, T value) {
  require(curl_easy_setopt(curl, option, value) == CURLE_OK, "an option");
}

class HeaderList {
 public:
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_.get(), line.c_str());
    require(longer != nullptr, "a header");
    if (!list_) list_.reset(longer);
  }
  curl_slist* get() const { return list_.get(); }

 private:
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> list_{nullptr, &curl_slist_free_all};
};

class MimeBody {
 public:
  explicit MimeBody(CURL* curl) : mime_(curl_mime_init(curl), &curl_mime_free) { require(mime_ != nullptr, "a body"); }
  void add(std::string_view text, const char* type) {
    curl_mimepart* part = curl_mime_addpart(mime_.get());
    const std::string lines = with_network_line_ends(text);
    require(part && curl_mime_data(part, lines.data(), lines.size()) == CURLE_OK &&
                curl_mime_type(part, type) == CURLE_OK && curl_mime_encoder(part, "quoted-printable") == CURLE_OK,
            "a part");
  }
  curl_mime* get() const { return mime_.get(); }

 private:
  static std::string with_network_line_ends(std::string_view text) {
    std::string out;
    out.reserve(text.size() + text.size() / 20);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
      out += text[i];
    }
    return out;
  }

  std::unique_ptr<curl_mime, decltype(&curl_mime_free)> mime_;
};

/// How far the talk with the server is, and what it said last. The mail and the login pass by unheard.
class Conversation {
 public:
  enum class Step { opening, recipient, content };

  void listen(CURL* curl) {
    set(curl, CURLOPT_DEBUGFUNCTION, &overhear);
    set(curl, CURLOPT_DEBUGDATA, this);
    set(curl, CURLOPT_VERBOSE, 1L);
  }

  Step step() const { return step_; }
  const std::string& reply() const { return reply_; }
  /// 0 if the server said nothing since the last command.
  int status() const {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (reply_.size() < 3 || !std::all_of(reply_.begin(), reply_.begin() + 3, is_digit)) return 0;
    return (reply_[0] - '0') * 100 + (reply_[1] - '0') * 10 + (reply_[2] - '0');
  }

 private:
  static int overhear(CURL*, curl_infotype type, char* data, std::size_t size, void* self) {
    auto& conversation = *static_cast<Conversation*>(self);
    if (conversation.is_over_) return 0;
    if (type == CURLINFO_HEADER_OUT)
      conversation.client_says({data, size});
    else if (type == CURLINFO_HEADER_IN)
      conversation.server_says({data, size});
    return 0;
  }

  void client_says(std::string_view command) {
    is_over_ = command.starts_with("QUIT");  // what counts was said before
    if (is_over_) return;
    if (command.starts_with("RCPT TO:"))
      step_ = Step::recipient;
    else if (command.starts_with("DATA"))
      step_ = Step::content;
    reply_.clear();
  }

  void server_says(std::string_view text) {
    constexpr std::size_t longest_reply = 500;
    if (step_ == Step::content && status() / 100 == 3) reply_.clear();  // the word to go on
    for (const char c : text) {
      if (reply_.size() >= longest_reply) break;
      const bool is_visible = static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
      if (is_visible)
        reply_ += c;
      else if (!reply_.empty() && reply_.back() != ' ')
        reply_ += ' ';
    }
  }

  Step step_ = Step::opening;
  bool is_over_ = false;
  std::string reply_;
};

std::string_view without_last_blanks(std::string_view text) {
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

void replace_all(std::string& text, const std::string& what, std::string_view by) {
  if (what.empty()) return;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
}

std::string domain_of(const std::string& address) {
  return address.substr(address.find('@') + 1);
}

class SmtpMailer final : public Mailer {
 public:
  SmtpMailer(SmtpOptions options, Mailbox from, std::shared_ptr<const Clock> clock)
      : options_(std::move(options)), from_(std::move(from)), clock_(std::move(clock)) {}

  std::string send(const Mail& mail) override {
    require_sendable(mail);
    const NoSigpipe no_sigpipe;
    Conversation conversation;  // these two before the handle, which says QUIT when it goes
    std::array<char, CURL_ERROR_SIZE> cause{};
    const CurlHandle handle(curl_easy_init(), &curl_easy_cleanup);
    require(handle != nullptr, "anything");
    CURL* curl = handle.get();
    set(curl, CURLOPT_ERRORBUFFER, cause.data());
    conversation.listen(curl);
    connect_as_told(curl);

    HeaderList recipients;
    recipients.add("<" + mail.to + ">");
    const std::string sender = "<" + from_.address + ">";
    set(curl, CURLOPT_MAIL_FROM, sender.c_str());
    set(curl, CURLOPT_MAIL_RCPT, recipients.get());

    HeaderList headers;
    for (const std::string& line : header_lines(mail)) headers.add(line);
    MimeBody body(curl);
    body.add(mail.text, "text/plain; charset=utf-8");
    if (!mail.html.empty()) body.add(mail.html, "text/html; charset=utf-8");
    set(curl, CURLOPT_HTTPHEADER, headers.get());
    set(curl, CURLOPT_MIMEPOST, body.get());

    const CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) return without_secrets(conversation.reply());
    throw failure(code, cause.data(), conversation);
  }

 private:
  using Security = SmtpOptions::Security;

  void connect_as_told(CURL* curl) const {
    const long seconds = static_cast<long>(options_.timeout.count());
    set(curl, CURLOPT_NOSIGNAL, 1L);
    set(curl, CURLOPT_PROXY, "");  // the environment does not decide where mails go
    set(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(curl, CURLOPT_URL, url().c_str());
    set(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.connect_timeout.count()));
    set(curl, CURLOPT_TIMEOUT, seconds);
    set(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, seconds);  // goes for the farewell too, which TIMEOUT does not
    set(curl, CURLOPT_USE_SSL,
        static_cast<long>(options_.security == Security::plain ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    set(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    set(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options_.ca_file.empty()) set(curl, CURLOPT_CAINFO, options_.ca_file.c_str());
    if (!options_.username.empty()) {
      set(curl, CURLOPT_USERNAME, options_.username.c_str());
      set(curl, CURLOPT_PASSWORD, options_.password.c_str());
    }
  }

  /// The path is the name that EHLO gives.
  std::string url() const {
    const bool is_ipv6 = options_.host.find(':') != std::string::npos && !options_.host.starts_with('[');
    return (options_.security == Security::tls ? "smtps://" : "smtp://") +
           (is_ipv6 ? "[" + options_.host + "]" : options_.host) + ":" + std::to_string(options_.port) + "/" +
           percent_encode(domain_of(from_.address));
  }

  std::vector<std::string> header_lines(const Mail& mail) const {
    std::vector<std::string> lines{
        date_header(clock_->now()),
        address_header("From", from_),
        address_header("To", {mail.to_name, mail.to}),
        text_header("Subject", mail.subject),
        "Message-ID: <" + mail.id + "@" + domain_of(from_.address) + ">",
        "Auto-Submitted: auto-generated",
        "Content-Type: multipart/alternative",
    };
    if (!mail.language.empty()) lines.push_back("Content-Language: " + mail.language);
    return lines;
  }

  Error failure(CURLcode code, std::string_view cause, const Conversation& conversation) const {
    const std::string server = options_.host + ":" + std::to_string(options_.port);
    const std::string reply = without_secrets(conversation.reply());
    const int status = conversation.status();
    constexpr int login_required = 530;
    if (status / 100 == 5 && status != login_required) {
      if (conversation.step() == Conversation::Step::recipient)
        return {ErrorCode::invalid, "recipient_refused", server + " refused the recipient: " + reply};
      if (conversation.step() == Conversation::Step::content)
        return {ErrorCode::invalid, "mail_refused", server + " refused the mail: " + reply};
    }
    if (status / 100 == 4 && conversation.step() != Conversation::Step::opening)
      return unavailable("mail_deferred", server + " put the mail off: " + reply, later);
    std::string message = "The mail server " + server + " did not take the mail: ";
    if (code == CURLE_USE_SSL_FAILED && options_.security == Security::starttls && cause.find("STARTTLS") != cause.npos)
      message += "it offers no STARTTLS, and nothing is sent without";
    else if (code == CURLE_LOGIN_DENIED)
      message += "it refused the login";
    else
      message += without_secrets(cause.empty() ? curl_easy_strerror(code) : cause);
    if (status >= 400) message += ": " + reply;
    return unavailable("mail_server_unavailable", message, later);
  }

  /// What a server says is its own affair, and some repeat what they were told.
  std::string without_secrets(std::string_view said) const {
    std::string text(without_last_blanks(said));
    if (find_malformed_utf8(text))
      for (char& c : text)
        if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    constexpr std::string_view mask = "********";
    replace_all(text, options_.password, mask);
    replace_all(text, to_base64(options_.password), mask);
    std::string plain_login = options_.username;
    plain_login.append(1, '\0').append(options_.password);
    replace_all(text, to_base64(std::string(1, '\0') + plain_login), mask);
    return text;
  }

  static constexpr std::chrono::seconds later{60};

  SmtpOptions options_;
  Mailbox from_;
  std::shared_ptr<const Clock> clock_;
};

Error bad(const char* option, const char* fault) {
  return invalid({"smtp", option}, fault, "value_error.smtp");
}

}  // namespace

std::shared_ptr<Mailer> open_smtp_mailer(SmtpOptions options, std::shared_ptr<const Clock> clock) {
  const auto is_odd = [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == '/' || c == '@' || c == '?' || c == '#';
  };
  if (options.host.empty() || std::any_of(options.host.begin(), options.host.end(), is_odd))
    throw bad("host", "must be the name or address of a mail server");
  if (options.port == 0) throw bad("port", "must be a port from 1 to 65535");
  if (options.username.empty() != options.password.empty())
    throw bad("username", "and the password must be given both, or neither");
  auto from = parse_mailbox(options.from);
  if (!from) throw bad("from", "must be a mail address, or a name and an address: The School <noreply@example.org>");
  if (options.timeout.count() < 1 || options.connect_timeout.count() < 1)
    throw bad("timeout", "must be a second at least");
  if (std::error_code error; !options.ca_file.empty() && !std::filesystem::is_regular_file(options.ca_file, error))
    throw bad("ca_file", "must be a PEM file of the authorities that may vouch for the server");
  make_curl_ready();
  return std::make_shared<SmtpMailer>(std::move(options), *std::move(from), std::move(clock));
}

}  // namespace lms
