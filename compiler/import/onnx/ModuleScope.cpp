#include "compiler/import/onnx/ModuleScope.h"

#include "llvm/ADT/StringRef.h"

#include <google/protobuf/unknown_field_set.h>

using namespace bluec;

// NodeProto.metadata_props is newer than the protobuf classes at hand, so it is an unknown field.
static constexpr int kMetadataField = 9;
static constexpr llvm::StringLiteral kScopesKey = "pkg.torch.onnx.name_scopes";

// The last but one of "['', 'model', 'model.layers.0', 'linear_1']": the last names the operator.
static std::string moduleOf(llvm::StringRef scopes) {
  llvm::StringRef previous, last;
  while (true) {
    scopes = scopes.drop_front(std::min(scopes.find('\''), scopes.size()));
    if (!scopes.consume_front("'"))
      return previous.take_front(500).str();
    previous = last;
    last = scopes.take_until([](char c) { return c == '\''; });
    scopes = scopes.drop_front(last.size());
    scopes.consume_front("'");
  }
}

std::string bluec::modulePathOf(const ::onnx::NodeProto &node) {
  const google::protobuf::UnknownFieldSet &unknown = node.unknown_fields();
  for (int i = 0; i < unknown.field_count(); ++i) {
    if (unknown.field(i).number() != kMetadataField ||
        unknown.field(i).type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      continue;
    ::onnx::StringStringEntryProto entry;
    if (entry.ParseFromString(unknown.field(i).length_delimited()) && entry.key() == kScopesKey)
      return moduleOf(entry.value());
  }
  return "";
}
