#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "eventlog/signature_list.h"

// EFI_SIGNATURE_LISTs, as PK, KEK, db and dbx hold them.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto entries = plimsoll::eventlog::ParseSignatureLists({data, size});
  // Every entry has at least an owner in front of its value.
  if (entries && entries->size() * 16 > size) {
    std::abort();
  }
  return 0;
}
