#pragma once

#include "fakes/software_tpm.h"

namespace plimsoll::crypto {

// One key of each kind for the whole program, since RSA keys take their time; With() gives it
// another public area.
inline const fakes::SoftwareKey& P256() {
  static const fakes::SoftwareKey key(fakes::KeyTemplate::AkP256());
  return key;
}
inline const fakes::SoftwareKey& P384() {
  static const fakes::SoftwareKey key(fakes::KeyTemplate::AkP384());
  return key;
}
inline const fakes::SoftwareKey& P521() {
  static const fakes::SoftwareKey key(fakes::KeyTemplate::AkP521());
  return key;
}
inline const fakes::SoftwareKey& Rsa2048() {
  static const fakes::SoftwareKey key(fakes::KeyTemplate::AkRsa());
  return key;
}
inline const fakes::SoftwareKey& Rsa1024() {
  static const fakes::SoftwareKey key(fakes::KeyTemplate::AkRsa(tcg::AlgorithmId::kRsassa, 1024));
  return key;
}

}  // namespace plimsoll::crypto
