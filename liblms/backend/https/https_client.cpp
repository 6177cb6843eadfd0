#include <lms/backends/https.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include <lms/error.hpp>

#include "base/ip_address.hpp"
#include "base/no_sigpipe.hpp"

namespace lms {

namespace {

/// All the headers of an answer. libcurl bounds a line of them, not their number.
constexpr std::size_t largest_head = 256 * 1024;

void require(bool done) {
  if (!done) throw internal("libcurl cannot do what it was asked to, or has no memory left");
}

/// libcurl counts how often it was made ready; once for this room is enough, and is never taken back.
void make_curl_ready() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) throw internal(std::string("libcurl cannot be used: ") + curl_easy_strerror(ready));
}

template <class T>
void set(CURL* curl, CURLoption option, T value) {
  require(curl_easy_setopt(curl, option, value) == CURLE_OK);
}

template <auto release>
struct Release {
  void operator()(auto* thing) const { release(thing); }
};
template <class T, auto release>
using Owned = std::unique_ptr<T, Release<release>>;

class Lines {
 public:
  void add(const std::string& line) {
    curl_slist* longer = curl_slist_append(list_.get(), line.c_str());
    require(longer != nullptr);
    if (!list_) list_.reset(longer);
  }
  curl_slist* get() const { return list_.get(); }

 private:
  Owned<curl_slist, curl_slist_free_all> list_;
};

struct Place {
  std::string scheme, host, port;

  std::string text() const { return scheme + "://" + host + ":" + port; }
};

/// Where libcurl itself would go, so that no two readings of a URL can differ.
Place place_of(const std::string& address) {
  const Owned<CURLU, curl_url_cleanup> url(curl_url());
  require(url != nullptr);
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    if (curl_url_get(url.get(), which, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return std::string();
    return std::string(Owned<char, curl_free>(text).get());
  };
  if (curl_url_set(url.get(), CURLUPART_URL, address.c_str(), CURLU_DISALLOW_USER) != CURLUE_OK)
    throw invalid({"request", "url"}, "must be an http or https address", "value_error.http_request");
  return {part(CURLUPART_SCHEME), part(CURLUPART_HOST), part(CURLUPART_PORT)};
}

std::string address_text(const curl_sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.family == AF_INET)
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address.addr).sin_addr, text.data(), text.size());
  else if (address.family == AF_INET6)
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address.addr).sin6_addr, text.data(), text.size());
  const auto known = IpAddress::parse(text.data());
  return known ? known->text() : std::string();  // IPv4 in IPv6 is told as IPv4
}

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

/// One request on its way.
class Exchange {
 public:
  Exchange(const HttpsOptions& options, const HttpRequest& request)
      : options_(options), request_(request), place_(place_of(request.url)), handle_(curl_easy_init()) {
    require(handle_ != nullptr);
    say_where_to();
    say_what();
    CURL* curl = handle_.get();
    set(curl, CURLOPT_ERRORBUFFER, cause_.data());
    set(curl, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    set(curl, CURLOPT_OPENSOCKETDATA, this);
    set(curl, CURLOPT_HEADERFUNCTION, &take_header);
    set(curl, CURLOPT_HEADERDATA, this);
    set(curl, CURLOPT_WRITEFUNCTION, &take_body);
    set(curl, CURLOPT_WRITEDATA, this);
  }

  HttpResponse run() {
    const CURLcode code = transfer();
    if (code != CURLE_OK) throw failure(code);
    if (in_head_) throw failure(CURLE_PARTIAL_FILE);  // libcurl takes a head that breaks off for a whole one
    long status = 0;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    return std::move(response_);
  }

 private:
  void say_where_to() {
    CURL* curl = handle_.get();
    const auto milliseconds = [](std::chrono::milliseconds time) { return static_cast<long>(time.count()); };
    set(curl, CURLOPT_URL, request_.url.c_str());
    set(curl, CURLOPT_PATH_AS_IS, 1L);
    set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    set(curl, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(curl, CURLOPT_FOLLOWLOCATION, 0L);
    set(curl, CURLOPT_PROXY, "");
    set(curl, CURLOPT_NOSIGNAL, 1L);
    set(curl, CURLOPT_TIMEOUT_MS, milliseconds(request_.timeout));
    set(curl, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(std::min(options_.connect_timeout, request_.timeout)));
    set(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    set(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options_.ca_file.empty()) {
      set(curl, CURLOPT_CAINFO, options_.ca_file.c_str());
      set(curl, CURLOPT_CAPATH, static_cast<const char*>(nullptr));  // else the system's count as well
    }
    if (const auto known = options_.known_addresses.find(place_.host); known != options_.known_addresses.end()) {
      std::string line = place_.host + ":" + place_.port + ":";
      for (const std::string& address : known->second)
        line += (line.back() == ':' ? "" : ",") + (address.find(':') == address.npos ? address : "[" + address + "]");
      addresses_.add(line);
      set(curl, CURLOPT_RESOLVE, addresses_.get());
    }
  }

  void say_what() {
    CURL* curl = handle_.get();
    const bool is_get = request_.method == "GET", is_head = request_.method == "HEAD";
    if (is_head) set(curl, CURLOPT_NOBODY, 1L);
    if (!request_.body.empty() ||
        (!is_get && !is_head && request_.method != "DELETE" && request_.method != "OPTIONS")) {
      set(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
      set(curl, CURLOPT_POSTFIELDS, request_.body.data());
    }
    if (!is_get && !is_head) set(curl, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    if (is_get && !request_.body.empty()) set(curl, CURLOPT_CUSTOMREQUEST, "GET");
    set(curl, CURLOPT_USERAGENT, options_.user_agent.c_str());
    headers_.add("Content-Type:");  // what libcurl would add by itself
    headers_.add("Expect:");
    for (const auto& [name, value] : request_.headers) headers_.add(name + (value.empty() ? ";" : ": " + value));
    set(curl, CURLOPT_HTTPHEADER, headers_.get());
  }

  CURLcode transfer() {
    const NoSigpipe no_sigpipe;
    const Owned<CURLM, curl_multi_cleanup> multi(curl_multi_init());
    require(multi != nullptr);
    const std::stop_callback wake(request_.stop, [&] { curl_multi_wakeup(multi.get()); });
    require(curl_multi_add_handle(multi.get(), handle_.get()) == CURLM_OK);
    constexpr int longest_nap = 1000;  // libcurl knows its own times and is awake earlier
    int running = 1;
    CURLMcode state = CURLM_OK;
    while (state == CURLM_OK && running > 0 && !request_.stop.stop_requested()) {
      state = curl_multi_perform(multi.get(), &running);
      if (state == CURLM_OK && running > 0) state = curl_multi_poll(multi.get(), nullptr, 0, longest_nap, nullptr);
    }
    std::optional<CURLcode> code;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left))
      if (message->msg == CURLMSG_DONE) code = message->data.result;
    curl_multi_remove_handle(multi.get(), handle_.get());
    return code.value_or(CURLE_ABORTED_BY_CALLBACK);
  }

  Error failure(CURLcode code) const {
    const auto gone = [&](std::string reason, const std::string& cause) {
      return unavailable(std::move(reason), place_.text() + ": " + cause);
    };
    if (is_too_large_) return gone("response_too_large", "the answer is longer than may be");
    switch (code) {
      case CURLE_ABORTED_BY_CALLBACK:
        return gone("request_stopped", "the request was given up");
      case CURLE_COULDNT_RESOLVE_HOST:
        return gone("host_unknown", "the name " + place_.host + " is not known");
      case CURLE_COULDNT_CONNECT:
        if (!refused_.empty()) return gone("address_refused", "nothing may be sent to the address " + refused_);
        return gone("host_unreachable", cause(code));
      case CURLE_OPERATION_TIMEDOUT:
        return gone("request_timeout", cause(code));
      case CURLE_SSL_CONNECT_ERROR:
      case CURLE_PEER_FAILED_VERIFICATION:
      case CURLE_SSL_CACERT_BADFILE:
      case CURLE_SSL_CIPHER:
      case CURLE_SSL_CRL_BADFILE:
      case CURLE_SSL_ISSUER_ERROR:
        return gone("tls_failed", cause(code));
      default:
        return gone("connection_broken", cause(code));
    }
  }

  std::string cause(CURLcode code) const {
    std::string text = cause_.front() == '\0' ? curl_easy_strerror(code) : cause_.data();
    for (char& c : text)
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) c = '?';
    return text;
  }

  // --- what libcurl calls; nothing may be thrown through it ---

  static curl_socket_t open_socket(void* self, curlsocktype, curl_sockaddr* address) {
    try {
      return static_cast<Exchange*>(self)->open_allowed(*address);
    } catch (...) {
      return CURL_SOCKET_BAD;
    }
  }

  static std::size_t take_header(const char* data, std::size_t, std::size_t size, void* self) {
    try {
      return static_cast<Exchange*>(self)->add_header({data, size}) ? size : 0;
    } catch (...) {
      return 0;
    }
  }

  static std::size_t take_body(const char* data, std::size_t, std::size_t size, void* self) {
    try {
      return static_cast<Exchange*>(self)->add_body({data, size}) ? size : 0;
    } catch (...) {
      return 0;
    }
  }

  curl_socket_t open_allowed(const curl_sockaddr& address) {
    if (options_.allow) {
      const std::string text = address_text(address);
      if (text.empty() || !options_.allow(text)) {
        refused_ = text;
        return CURL_SOCKET_BAD;
      }
    }
    return socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
  }

  bool add_header(std::string_view line) {
    head_size_ += line.size();
    is_too_large_ = is_too_large_ || head_size_ > largest_head;
    if (is_too_large_) return false;
    const auto colon = line.find(':');
    if (line.starts_with("HTTP/")) {  // of an answer that follows one of those with 1xx as well
      response_.headers.clear();
      in_head_ = true;
    } else if (without_blanks(line).empty()) {
      in_head_ = false;
    } else if (in_head_ && colon != line.npos && colon > 0) {
      response_.headers.emplace_back(line.substr(0, colon), without_blanks(line.substr(colon + 1)));
    }
    return true;
  }

  bool add_body(std::string_view piece) {
    is_too_large_ = is_too_large_ || piece.size() > request_.max_response - response_.body.size();
    if (!is_too_large_) response_.body += piece;
    return !is_too_large_;
  }

  const HttpsOptions& options_;
  const HttpRequest& request_;
  Place place_;
  Lines headers_, addresses_;
  HttpResponse response_;
  std::size_t head_size_ = 0;
  bool in_head_ = false, is_too_large_ = false;
  std::string refused_;
  std::array<char, CURL_ERROR_SIZE> cause_{};
  Owned<CURL, curl_easy_cleanup> handle_;  // last: what it points to is still there when it goes
};

void require_certificates(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string line;
  while (std::getline(in, line))
    if (line.starts_with("-----BEGIN ") && line.find("CERTIFICATE") != line.npos) return;
  throw invalid({"https", "ca_file"}, file + " cannot be read, or holds no certificates in PEM form",
                "value_error.ca_file");
}

class HttpsClient final : public HttpClient {
 public:
  explicit HttpsClient(HttpsOptions options) : options_(std::move(options)) {}

 private:
  HttpResponse perform(const HttpRequest& request) override { return Exchange(options_, request).run(); }

  HttpsOptions options_;
};

}  // namespace

std::unique_ptr<HttpClient> open_https_client(HttpsOptions options) {
  make_curl_ready();
  if (!options.ca_file.empty()) require_certificates(options.ca_file);
  return std::make_unique<HttpsClient>(std::move(options));
}

}  // namespace lms
