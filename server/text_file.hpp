#pragma once

#include <string>

namespace lms::server {

/// The whole of a file; `-` is standard input. @throws std::system_error
std::string read_text_file(const std::string& path);

enum class Readers { everybody, owner };

/// Writes a file that is there whole or not at all: what stood there before stays until then. `-` is standard output,
/// and what is no plain file, a pipe for one, is written as it is. `Readers::owner` is for what holds secrets: nobody
/// else can read it at any moment. @throws std::system_error
void write_text_file(const std::string& path, const std::string& text, Readers readers = Readers::everybody);

}  // namespace lms::server
