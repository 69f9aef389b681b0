#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plimsoll::plugin {

// Text for the inside of an HTML element or a quoted attribute: markup is escaped, and what
// misleads a reader (terminal.h) is shown by its number.
std::string HtmlText(std::string_view text);

// A part of a page. Text goes through HtmlText; only class names and tags, which are ours, do not.
class Html {
 public:
  Html& Open(std::string_view tag, std::string_view css_class = {});
  Html& Close(std::string_view tag);
  Html& Text(std::string_view text);
  // <tag class="css_class">text</tag>
  Html& Element(std::string_view tag, std::string_view text, std::string_view css_class = {});
  // A part that is HTML already.
  Html& Part(const Html& part);
  // Markup of ours, as it is.
  Html& Raw(std::string_view markup);

  const std::string& str() const { return html_; }

 private:
  std::string html_;
};

}  // namespace plimsoll::plugin
