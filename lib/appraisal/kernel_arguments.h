#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plimsoll::appraisal {

// A kernel command line, split as the kernel splits it (Linux, lib/cmdline.c, next_arg): at white
// space outside of double quotes. Text from a boot log; any bytes will do.
class KernelArguments {
 public:
  explicit KernelArguments(std::string_view line);

  // Whether this very argument is there, before "--": what follows is not for the kernel. Quotes
  // count only where the kernel takes them off: around the whole argument, or around all of its
  // value.
  bool Contains(std::string_view argument) const;

  // The first argument that `entry` forbids. "name=value" forbids that value alone, "name" and
  // "name=" forbid the name with any value or none. "-" and "_" are one character in names, and
  // quotes are nothing, wherever they stand: what might be meant is forbidden too.
  std::optional<std::string> FindForbidden(std::string_view entry) const;

 private:
  std::vector<std::string> raw_;
};

}  // namespace plimsoll::appraisal
