// A picture file and a question about it, as a bundle's own runtime takes them.
#ifndef BLUEC_COMPILER_DRIVER_VERIFY_PICTUREQUESTION_H
#define BLUEC_COMPILER_DRIVER_VERIFY_PICTUREQUESTION_H

#include "compiler/driver/session/Diagnostics.h"
#include "compiler/driver/verify/ModelCalls.h"
#include "runtime/core/Bundle.h"
#include "runtime/core/Conversation.h"

#include <string>
#include <vector>

namespace bluec {

/// Decoded, cut into tiles and normalised by the package's preprocessing, and asked about by its
/// chat template.
class PictureQuestion {
public:
  /// Errors are said.
  static std::unique_ptr<PictureQuestion> create(const runtime::Bundle &bundle,
                                                 const std::string &file, const std::string &text,
                                                 Diagnostics &diagnostics);

  /// [tiles, 3, height, width]
  const TensorPtr &pixels() const { return allPixels; }
  /// Of the prompt, in order.
  const std::vector<runtime::Row> &rows() const { return allRows; }
  /// Which row of the features a row of the prompt is; below 0: it is a token.
  int64_t featureOf(int64_t row) const;
  /// Puts rows of `features`, [tiles, ...], where the prompt has them. `embeddings`: f32
  /// [count, hidden], of the prompt's rows from `first` on.
  void place(const reference::Tensor &features, int64_t first, int64_t count,
             float *embeddings) const;

private:
  TensorPtr allPixels;
  int64_t hidden = 0;
  std::shared_ptr<const runtime::Features> none; ///< zeros, for the rows to point to
  std::vector<runtime::Row> allRows;
};

} // namespace bluec

#endif // BLUEC_COMPILER_DRIVER_VERIFY_PICTUREQUESTION_H
