// RUN: bluec-opt %s -verify-diagnostics -extract-section=target=narrow

// expected-error @below {{expected an entry on a device of target 'narrow', found none}}
module {
}
