// RUN: bluec-opt %s -verify-diagnostics -place-steps="machine=nowhere"

// expected-error @below {{machine}}
module {}
