// onnx-from-text IN.textproto OUT.onnx: writes a ModelProto that is given in protobuf's text
// format, so that tests hold readable models, hostile ones included.
#include <onnx/onnx_pb.h>

#include <google/protobuf/text_format.h>

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

int main(int argc, char **argv) {
  if (argc != 3) {
    std::cerr << "usage: onnx-from-text IN.textproto OUT.onnx\n";
    return 2;
  }
  std::ifstream in(argv[1]);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  onnx::ModelProto model;
  if (!in || !google::protobuf::TextFormat::ParseFromString(text, &model)) {
    std::cerr << argv[1] << ": expected a ModelProto in text format\n";
    return 1;
  }
  std::ofstream out(argv[2], std::ios::binary);
  return model.SerializeToOstream(&out) ? 0 : 1;
}
