#include "http1/listener.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace lms::http1 {

namespace {

constexpr int backlog = 1024;

class ResolverCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "getaddrinfo"; }
  std::string message(int code) const override { return gai_strerror(code); }
};

std::error_code resolver_error(int code) {
  static const ResolverCategory category;
  return code == EAI_SYSTEM ? std::error_code(errno, std::generic_category()) : std::error_code(code, category);
}

void set(const FileDescriptor& socket, int level, int option, int value) {
  setsockopt(socket.get(), level, option, &value, sizeof value);
}

/// A listening socket, or none with errno set.
FileDescriptor try_to_listen(const addrinfo& address) {
  FileDescriptor socket(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return socket;
  set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.ai_family == AF_INET6) set(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0 || listen(socket.get(), backlog) != 0) {
    const int cause = errno;
    socket.reset();
    errno = cause;
  }
  return socket;
}

}  // namespace

FileDescriptor listen_on(const std::string& host, std::uint16_t port) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string node = bracketed ? host.substr(1, host.size() - 2) : host;
  const bool is_ipv6 = node.find(':') != std::string::npos;
  const std::string place = (is_ipv6 ? "[" + node + "]" : node) + ":" + std::to_string(port);

  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(node.empty() ? nullptr : node.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (failure != 0) throw std::system_error(resolver_error(failure), "Cannot listen on " + place);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);

  int cause = 0;  // of the first address: the others are rarely what was meant
  for (const addrinfo* address = addresses.get(); address; address = address->ai_next) {
    if (FileDescriptor socket = try_to_listen(*address)) return socket;
    if (cause == 0) cause = errno;
  }
  throw std::system_error(cause, std::generic_category(), "Cannot listen on " + place);
}

std::uint16_t bound_port(const FileDescriptor& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "Cannot tell the port");
  }
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string address_text(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET6) {
    const in6_addr& ipv6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&ipv6)) {
      inet_ntop(AF_INET, &ipv6.s6_addr[12], text.data(), text.size());
    } else {
      inet_ntop(AF_INET6, &ipv6, text.data(), text.size());
    }
  } else {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text.data(), text.size());
  }
  return text.data();
}

}  // namespace lms::http1
