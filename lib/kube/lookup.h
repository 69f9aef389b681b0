#pragma once

#include <memory>
#include <string>
#include <vector>

namespace plimsoll::kube {

// The newest known objects of one kind, by name: an informer's store in the program, a map in
// tests. Thread-safe; what it gives is immutable.
template <class T>
class Lookup {
 public:
  virtual ~Lookup() = default;
  virtual std::shared_ptr<const T> Get(
      const std::string& name) const = 0;  // null where there is none
  virtual std::vector<std::shared_ptr<const T>> List() const = 0;
};

}  // namespace plimsoll::kube
