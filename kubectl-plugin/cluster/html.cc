#include "kubectl-plugin/cluster/html.h"

#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {

std::string HtmlText(std::string_view text) {
  std::string html;
  for (const char c : Shown(text)) {
    switch (c) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += c;
    }
  }
  return html;
}

Html& Html::Open(std::string_view tag, std::string_view css_class) {
  html_ += "<";
  html_ += tag;
  if (!css_class.empty()) {
    html_ += " class=\"";
    html_ += css_class;
    html_ += "\"";
  }
  html_ += ">";
  return *this;
}

Html& Html::Close(std::string_view tag) {
  html_ += "</";
  html_ += tag;
  html_ += ">\n";
  return *this;
}

Html& Html::Text(std::string_view text) {
  html_ += HtmlText(text);
  return *this;
}

Html& Html::Element(std::string_view tag, std::string_view text, std::string_view css_class) {
  return Open(tag, css_class).Text(text).Close(tag);
}

Html& Html::Part(const Html& part) {
  html_ += part.html_;
  return *this;
}

Html& Html::Raw(std::string_view markup) {
  html_ += markup;
  return *this;
}

}  // namespace plimsoll::plugin
