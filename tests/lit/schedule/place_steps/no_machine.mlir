// RUN: bluec-opt %s -verify-diagnostics -place-steps="machine=nowhere"

// expected-error @below {{nowhere: expected a file of at most 1 MiB}}
module {}
