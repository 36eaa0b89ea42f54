// From a JPEG's coefficients to RGB, equal bit for bit to what libjpeg-turbo does by default, and
// so Pillow: its accurate integer inverse DCT, its triangle filter for planes of half the size, its
// colour conversion in 16 fractional bits.
#ifndef BLUEC_RUNTIME_VISION_JPEGPIXELS_H
#define BLUEC_RUNTIME_VISION_JPEGPIXELS_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bluec::runtime {

class ThreadPool;

// Writes 8 x 8 samples, `stride` bytes from row to row, of as many dequantised coefficients (row by
// row, not in zigzag).
using InverseDct = void (*)(std::uint8_t *to, int stride, short *coefficients);

// The one for this CPU.
InverseDct inverseDct();

// Samples of one component: at least `width` x `height` of them, to be enlarged `across` x `down`
// times.
struct JpegPlane {
  const std::uint8_t *samples;
  std::size_t stride; // bytes
  int width, height;
  int across, down;
};

struct JpegPlanes {
  int width = 0, height = 0; // of the picture
  std::vector<JpegPlane> planes;
};

// What the components stand for. As libjpeg decides: with three, a JFIF marker means Ycc, else
// Adobe's marker says, else the components' names. CMYK and YCCK are as Adobe writes them,
// inverted.
enum class JpegColors { Gray, Ycc, Rgb, Cmyk, Ycck };

// The number of components that `colors` takes.
std::size_t componentsOf(JpegColors colors);

// `to` gets width * height RGB pixels; there are componentsOf(colors) planes. CMYK becomes RGB as
// Pillow's `convert("RGB")` does it. `threads` may be null.
void jpegToRgb(const JpegPlanes &from, JpegColors colors, std::uint8_t *to, ThreadPool *threads);

} // namespace bluec::runtime

#endif // BLUEC_RUNTIME_VISION_JPEGPIXELS_H
