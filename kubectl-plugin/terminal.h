#pragma once

#include <chrono>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

// Text for a terminal. What comes from a cluster was written by others: a name, a reason or a boot
// path must not move the cursor, hide a line or turn the reading direction.
namespace plimsoll::plugin {

// The text on one line: control characters (C0, DEL, C1), line and paragraph separators and
// characters that change the direction of reading become \xHH or \u{HHHH}, and so do bytes that are
// not UTF-8.
std::string Shown(std::string_view text);

// A JSON text with those characters as the escapes of JSON and YAML (\uHHHH), which mean the same.
// Invalid UTF-8 must not be in it. Characters above U+FFFF stay as they are.
std::string EscapeMisleading(std::string_view json);

// Writes lines, each of them Shown.
class Printer {
 public:
  explicit Printer(std::ostream& out) : out_(out) {}
  void Line(std::string_view text = {});

 private:
  std::ostream& out_;
};

// Columns as kubectl prints them: upper-case heads, three spaces between, no padding at the end of
// a line. The first row is the heads.
class Table {
 public:
  explicit Table(std::vector<std::string> heads) { rows_.push_back(std::move(heads)); }
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.size() == 1; }
  void Print(std::ostream& out, std::string_view margin = {}) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// "45s", "12m", "3h", "5d": as kubectl shows ages. A time in the future is "0s".
std::string Age(WallTime since, WallTime now);

// "in 3h", for what is to come; "3h ago" for what has passed.
std::string Until(WallTime then, WallTime now);

}  // namespace plimsoll::plugin
