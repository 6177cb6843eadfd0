#include <lms/qr_code.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <png.h>
#include <qrencode.h>

#include <lms/error.hpp>

namespace lms {

namespace {

constexpr int quiet_zone = 4;  // modules, as the standard asks

/// The square of modules.
class Symbol {
 public:
  explicit Symbol(std::string_view text)
      : code_(QRcode_encodeData(static_cast<int>(text.size()), reinterpret_cast<const unsigned char*>(text.data()), 0,
                                QR_ECLEVEL_M),
              &QRcode_free) {
    if (code_) return;
    if (errno == ENOMEM) throw unavailable("out_of_memory", "There is not enough memory to draw a QR code now.");
    throw invalid({"text"}, "must have 1 to 2331 bytes to fit into a QR code", "value_error.any_str.max_length");
  }

  int width() const noexcept { return code_->width; }
  bool is_dark(int x, int y) const noexcept {
    return (code_->data[static_cast<std::size_t>(y) * static_cast<std::size_t>(width()) + static_cast<std::size_t>(x)] &
            1U) != 0;
  }

 private:
  std::unique_ptr<QRcode, decltype(&QRcode_free)> code_;
};

}  // namespace

std::string qr_svg(std::string_view text) {
  const Symbol symbol(text);
  const std::string size = std::to_string(symbol.width() + 2 * quiet_zone);
  std::string svg = R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 )" + size + ' ' + size +
                    R"(" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h)" + size + 'v' + size + "H0z\"/>" +
                    R"(<path d=")";
  for (int y = 0; y < symbol.width(); ++y) {
    for (int x = 0; x < symbol.width();) {
      const int begin = x;
      while (x < symbol.width() && symbol.is_dark(x, y)) ++x;
      if (x > begin)
        svg += 'M' + std::to_string(begin + quiet_zone) + ' ' + std::to_string(y + quiet_zone) + 'h' +
               std::to_string(x - begin) + "v1h-" + std::to_string(x - begin) + 'z';
      else
        ++x;
    }
  }
  return svg + R"("/></svg>)";
}

std::string qr_png(std::string_view text, int scale) {
  if (scale < 1 || scale > 64) throw invalid({"scale"}, "must be from 1 to 64", "value_error.number");
  const Symbol symbol(text);
  const int side = (symbol.width() + 2 * quiet_zone) * scale;
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(side) * static_cast<std::size_t>(side), 0xFF);
  for (int y = 0; y < symbol.width() * scale; ++y)
    for (int x = 0; x < symbol.width() * scale; ++x)
      if (symbol.is_dark(x / scale, y / scale))
        pixels[static_cast<std::size_t>(y + quiet_zone * scale) * static_cast<std::size_t>(side) +
               static_cast<std::size_t>(x + quiet_zone * scale)] = 0;

  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = static_cast<png_uint_32>(side);
  image.format = PNG_FORMAT_GRAY;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string png(size, '\0');
  if (png_image_write_to_memory(&image, png.data(), &size, 0, pixels.data(), side, nullptr) == 0)
    throw internal(std::string("libpng cannot write a QR code: ") + image.message);
  png.resize(size);
  return png;
}

}  // namespace lms
