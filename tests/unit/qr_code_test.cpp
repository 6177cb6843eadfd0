#include <doctest/doctest.h>

#include <lms/error.hpp>
#include <lms/qr_code.hpp>

using namespace lms;

namespace {

std::uint32_t number_at(const std::string& bytes, std::size_t place) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8U | static_cast<std::uint8_t>(bytes.at(place + i));
  return number;
}

}  // namespace

TEST_CASE("a QR code is an SVG document of 21 modules and a quiet zone of four for a short text") {
  const std::string svg = qr_svg("lms");
  CHECK(svg.starts_with(R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 29 29")"));
  CHECK(svg.ends_with("</svg>"));
  // The finder pattern in the first row: seven dark modules.
  CHECK(svg.find("M4 4h7v1h-7z") != std::string::npos);
}

TEST_CASE("a QR code is a PNG image with as many pixels to a module as asked for") {
  const std::string png = qr_png("lms", 3);
  CHECK(png.starts_with("\x89PNG\r\n\x1a\n"));
  CHECK(number_at(png, 16) == 29 * 3);
  CHECK(number_at(png, 20) == 29 * 3);
}

TEST_CASE("a text that is in no QR code is refused") {
  CHECK_NOTHROW(qr_svg(std::string(2'331, 'a')));
  CHECK_THROWS_AS(qr_svg(std::string(2'332, 'a')), Error);
  CHECK_THROWS_AS(qr_svg(""), Error);
  CHECK_THROWS_AS(qr_png("a", 0), Error);
}
