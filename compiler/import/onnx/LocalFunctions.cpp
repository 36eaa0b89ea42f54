#include "compiler/import/onnx/LocalFunctions.h"

#include "llvm/ADT/StringRef.h"

#include <google/protobuf/unknown_field_set.h>

using namespace bluec;

// Fields that are newer than the protobuf classes at hand.
static constexpr int kOverloadOfNode = 8, kDefaultsOfFunction = 11, kOverloadOfFunction = 13;

template <typename Message> static std::string overloadOf(const Message &message, int field) {
  const google::protobuf::UnknownFieldSet &unknown = message.unknown_fields();
  for (int i = 0; i < unknown.field_count(); ++i)
    if (unknown.field(i).number() == field &&
        unknown.field(i).type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      return unknown.field(i).length_delimited();
  return "";
}

static std::string keyOf(llvm::StringRef domain, llvm::StringRef name, llvm::StringRef overload) {
  // No name has a null character that protobuf's classes would keep apart from these.
  return (domain == "ai.onnx" ? "" : domain).str() + '\0' + name.str() + '\0' + overload.str();
}

LocalFunctions::LocalFunctions(const ::onnx::ModelProto &model) {
  for (const ::onnx::FunctionProto &proto : model.functions()) {
    LocalFunction function{&proto, {}};
    const google::protobuf::UnknownFieldSet &unknown = proto.unknown_fields();
    for (int i = 0; i < unknown.field_count(); ++i) {
      ::onnx::AttributeProto attribute;
      if (unknown.field(i).number() == kDefaultsOfFunction &&
          unknown.field(i).type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED &&
          attribute.ParseFromString(unknown.field(i).length_delimited()))
        function.defaults.push_back(std::move(attribute));
    }
    functions.try_emplace(
        keyOf(proto.domain(), proto.name(), overloadOf(proto, kOverloadOfFunction)),
        std::move(function));
  }
}

const LocalFunction *LocalFunctions::find(const ::onnx::NodeProto &node) const {
  if (functions.empty())
    return nullptr;
  auto found =
      functions.find(keyOf(node.domain(), node.op_type(), overloadOf(node, kOverloadOfNode)));
  return found == functions.end() ? nullptr : &found->second;
}

static const ::onnx::AttributeProto *valueOf(const std::string &name, const LocalFunction &function,
                                             const ::onnx::NodeProto &call) {
  for (const ::onnx::AttributeProto &attribute : call.attribute())
    if (attribute.name() == name)
      return &attribute;
  for (const ::onnx::AttributeProto &attribute : function.defaults)
    if (attribute.name() == name)
      return &attribute;
  return nullptr;
}

::onnx::NodeProto bluec::withAttributesOf(const ::onnx::NodeProto &node,
                                          const LocalFunction &function,
                                          const ::onnx::NodeProto &call) {
  ::onnx::NodeProto result = node;
  result.clear_attribute();
  for (const ::onnx::AttributeProto &attribute : node.attribute()) {
    const ::onnx::AttributeProto *value = &attribute;
    if (!attribute.ref_attr_name().empty())
      value = valueOf(attribute.ref_attr_name(), function, call);
    if (!value)
      continue;
    ::onnx::AttributeProto *added = result.add_attribute();
    *added = *value;
    added->set_name(attribute.name());
    if (!added->has_g())
      continue;
    // Of a graph that the call gives, the attributes are values already.
    if (value == &attribute)
      for (::onnx::NodeProto &inner : *added->mutable_g()->mutable_node())
        inner = withAttributesOf(inner, function, call);
  }
  return result;
}
