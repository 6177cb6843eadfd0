#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "http1/file_descriptor.hpp"

namespace lms::http1 {

/// A socket that listens on the first address of `host` (a name, IPv4, IPv6 with or without brackets) that can be had;
/// `::` takes IPv4 too.
/// @throws std::system_error whose `what()` names host, port and cause.
FileDescriptor listen_on(const std::string& host, std::uint16_t port);

/// The port a socket is bound to.
std::uint16_t bound_port(const FileDescriptor& socket);

/// An address as text, without port; an IPv4 address inside an IPv6 one comes out as IPv4.
std::string address_text(const sockaddr_storage& address);

}  // namespace lms::http1
