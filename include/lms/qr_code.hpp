#pragma once

#include <string>
#include <string_view>

#include <lms/export.hpp>

/// QR codes (ISO/IEC 18004) that hold a text, black on white, with the quiet zone around them. Thread-safe.
namespace lms {

/// An SVG document that scales to any size. @throws Error invalid for a text over 2,331 bytes, which is more than fits.
LMS_API std::string qr_svg(std::string_view text);
/// A PNG image with `scale` pixels to a module, 1–64. @throws Error as `qr_svg`.
LMS_API std::string qr_png(std::string_view text, int scale = 8);

}  // namespace lms
