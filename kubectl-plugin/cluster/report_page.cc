#include "kubectl-plugin/cluster/report_page.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "kubectl-plugin/cluster/html.h"
#include "kubectl-plugin/cluster/report_style.h"
#include "kubectl-plugin/terminal.h"

namespace plimsoll::plugin {
namespace {

using nlohmann::ordered_json;

std::string TextOf(const ordered_json& from, const char* key) {
  const auto found = from.find(key);
  return found == from.end() || !found->is_string() ? "" : found->get<std::string>();
}

std::string CountOf(const ordered_json& from, const char* key) {
  return std::to_string(from[key].get<int64_t>());
}

std::string Joined(const ordered_json& texts) {
  std::string joined;
  for (const ordered_json& text : texts) {
    joined += (joined.empty() ? "" : "; ") + text.get<std::string>();
  }
  return joined;
}

std::string_view ClassOf(std::string_view verdict) {
  if (verdict == "Trusted" || verdict == "Pass" || verdict == "True" || verdict == "Active" ||
      verdict == "Approved") {
    return "good";
  }
  if (verdict == "Untrusted" || verdict == "Fail" || verdict == "False" || verdict == "Revoked" ||
      verdict == "Denied") {
    return "bad";
  }
  return verdict.empty() ? "" : "open";
}

Html Badge(const std::string& word) {
  Html html;
  html.Open("span", "badge " + std::string(ClassOf(word)))
      .Text(word.empty() ? "none" : word)
      .Raw("</span>");
  return html;
}

struct Column {
  std::string head;
  std::string css_class = {};
};

// A table whose cells are parts; the columns give heads and classes.
class HtmlTable {
 public:
  explicit HtmlTable(std::vector<Column> columns) : columns_(std::move(columns)) {
    html_.Open("table").Open("thead").Open("tr");
    for (const Column& column : columns_) {
      html_.Element("th", column.head, column.css_class == "number" ? "number" : "");
    }
    html_.Close("tr").Close("thead").Open("tbody");
  }
  HtmlTable& Row() {
    html_.Raw(rows_ == 0 ? "<tr>" : "</tr>\n<tr>");
    ++rows_;
    column_ = 0;
    return *this;
  }
  HtmlTable& Cell(const std::string& text) {
    return Cell(Html().Text(text), text.size() > kLong ? " long" : "");
  }
  HtmlTable& Cell(const Html& part, const char* also = "") {
    const std::string css_class = columns_[column_++ % columns_.size()].css_class + also;
    html_.Open("td", css_class).Part(part).Close("td");
    return *this;
  }
  Html Take() {
    html_.Raw(rows_ == 0 ? "" : "</tr>").Close("tbody").Close("table");
    return std::move(html_);
  }

 private:
  static constexpr size_t kLong = 28;  // what is longer may be broken anywhere

  std::vector<Column> columns_;
  Html html_;
  size_t rows_ = 0;
  size_t column_ = 0;
};

class Page {
 public:
  Page(const ordered_json& view, WallTime now) : view_(view), now_(now) {}

  std::string Make() {
    Html page;
    page.Raw(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width, "
        "initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n");
    page.Element("title", "Node attestation " + FormatTime(now_).substr(0, 10));
    page.Raw("<style>").Raw(kReportStyle).Raw("</style></head>\n<body>\n");
    page.Element("h1", "Node attestation");
    page.Element("p", "State of " + FormatTime(now_), "when");
    page.Part(Summary()).Part(Problems()).Part(Untrusted()).Part(Nodes()).Part(Policies());
    page.Part(Identities()).Part(References()).Part(Authorities()).Part(Exceptions());
    page.Part(Firmware());
    page.Open("footer")
        .Text("Made by kubectl plimsoll " PLIMSOLL_VERSION " from the objects of the cluster.")
        .Close("footer");
    page.Raw("</body></html>\n");
    return page.str();
  }

 private:
  std::string Ago(const ordered_json& row, const char* key) const {
    const auto time = ParseTime(TextOf(row, key));
    return time ? Age(*time, now_) : "";
  }

  static Html Tile(const std::string& number, std::string_view name, std::string_view css_class) {
    Html tile;
    tile.Open("div", "tile " + std::string(css_class))
        .Element("div", number, "number")
        .Element("div", name, "name")
        .Close("div");
    return tile;
  }

  Html Summary() const {
    const ordered_json& nodes = view_["nodes"];
    Html html;
    html.Open("div", "tiles")
        .Part(Tile(CountOf(nodes, "trusted"), "trusted nodes", "good"))
        .Part(Tile(CountOf(nodes, "untrusted"), "untrusted nodes", "bad"))
        .Part(Tile(CountOf(nodes, "unknown"), "unknown nodes", "open"))
        .Part(Tile(std::to_string(view_["pendingIdentities"].size()), "identities to decide", ""))
        .Close("div");
    const auto total = nodes["total"].get<int64_t>();
    if (total == 0) {
      return html.Element("p", "There is no NodeAttestation yet.", "none");
    }
    html.Open("div", "bar");
    const std::pair<const char*, const char*> shares[] = {
        {"trusted", "good"}, {"untrusted", "bad"}, {"unknown", "open"}};
    for (const auto& [key, css_class] : shares) {
      const double share =
          100.0 * static_cast<double>(nodes[key].get<int64_t>()) / static_cast<double>(total);
      html.Raw(fmt::format("<span class=\"{}\" style=\"width:{:.2f}%\"></span>", css_class, share));
    }
    html.Close("div");
    return html.Element(
        "p",
        fmt::format("{} of {} nodes have proven that they booted what the policies accept.",
                    CountOf(nodes, "trusted"), total),
        "soft");
  }

  Html Problems() const {
    Html html;
    if (!view_["problems"].empty()) {
      html.Element("h2", "What could not be read").Open("ul");
      for (const ordered_json& problem : view_["problems"]) {
        html.Element("li", problem.get<std::string>());
      }
      html.Close("ul");
    }
    return html;
  }

  static void Term(Html& html, std::string_view name, const std::string& value, bool code = false) {
    if (!value.empty()) {
      html.Element("dt", name).Element("dd", value, code ? "code" : "");
    }
  }

  static Html Violation(const ordered_json& violation) {
    Html html;
    const std::string reason = TextOf(violation, "reason");
    html.Open("div", "violation").Open("p");
    html.Raw("<b>").Text(reason.empty() ? "Remark" : reason).Raw("</b> ");
    html.Text(TextOf(violation, "message")).Close("p").Open("dl");
    std::string where;
    if (violation.contains("pcr")) {
      where = fmt::format("PCR {}", violation["pcr"].get<int64_t>());
    }
    if (violation.contains("event")) {
      const ordered_json& event = violation["event"];
      where += fmt::format("{}event {}", where.empty() ? "" : ", ", event["index"].get<int64_t>());
      for (const char* part : {"type", "role", "path"}) {
        const std::string text = TextOf(event, part);
        where += text.empty() ? "" : " " + text;
      }
    }
    Term(html, "check", TextOf(violation, "check"));
    Term(html, "at", where, true);
    Term(html, "measured", TextOf(violation, "observed"), true);
    Term(html, "wanted", TextOf(violation, "expected"), true);
    Term(html, "closest set", TextOf(violation, "closest"));
    return html.Close("dl").Close("div");
  }

  Html Untrusted() const {
    Html html;
    if (view_["explanations"].empty()) {
      return html;
    }
    html.Element("h2", "Untrusted nodes");
    for (const ordered_json& node : view_["explanations"]) {
      html.Open("section", "card").Open("header").Element("h3", TextOf(node, "node"));
      html.Part(Badge(TextOf(node, "verdict")));
      html.Element("span", fmt::format("{}, for {}", TextOf(node, "reason"), Ago(node, "since")),
                   "soft");
      html.Close("header").Element("p", TextOf(node, "message"));
      for (const ordered_json& policy : node["policies"]) {
        if (policy["violations"].empty()) {
          continue;
        }
        html.Element("p",
                     fmt::format("Policy {} ({}): {}", TextOf(policy, "name"),
                                 TextOf(policy, "mode"), TextOf(policy, "result")),
                     "soft");
        for (const ordered_json& violation : policy["violations"]) {
          html.Part(Violation(violation));
        }
      }
      const ordered_json& marks = node["marks"];
      if (const std::string why = TextOf(marks, "withheldBecause"); !why.empty()) {
        html.Element("p", "The taint is withheld: " + why, "soft");
      }
      for (const ordered_json& advice : node["whatToDo"]) {
        html.Element("div", advice.get<std::string>(), "todo");
      }
      html.Close("section");
    }
    return html;
  }

  Html Nodes() const {
    HtmlTable table({{"Node", "name"},
                     {"Verdict"},
                     {"Reason"},
                     {"Failed policies"},
                     {"Since"},
                     {"Verified"},
                     {"Taint"}});
    for (const ordered_json& row : view_["allNodes"]) {
      const std::string withheld = TextOf(row, "withheldBy");
      table.Row()
          .Cell(TextOf(row, "name"))
          .Cell(Badge(TextOf(row, "verdict")))
          .Cell(TextOf(row, "reason"))
          .Cell(TextOf(row, "failedPolicies"))
          .Cell(Ago(row, "since"))
          .Cell(Ago(row, "lastVerified"))
          .Cell(withheld.empty() ? TextOf(row, "taint") : "withheld: " + withheld);
    }
    Html html;
    html.Element("h2", "Nodes").Part(table.Take());
    if (!view_["unattested"].empty()) {
      html.Element(
          "p", fmt::format("{} Node objects have no attestation yet.", view_["unattested"].size()),
          "soft");
    }
    return html;
  }

  Html Policies() const {
    Html html;
    html.Element("h2", "Policies");
    if (view_["policies"].empty()) {
      return html.Element("p", "There is none.", "none");
    }
    HtmlTable table({{"Policy", "name"},
                     {"Mode"},
                     {"Matched", "number"},
                     {"Passing", "number"},
                     {"Failing", "number"},
                     {"Unknown", "number"},
                     {"Ready"},
                     {"To look at"}});
    for (const ordered_json& row : view_["policies"]) {
      std::string concerns;
      for (const ordered_json& concern : row["concerns"]) {
        concerns +=
            fmt::format("{}{} ({}): {}", concerns.empty() ? "" : "; ", TextOf(concern, "type"),
                        TextOf(concern, "reason"), TextOf(concern, "message"));
      }
      table.Row()
          .Cell(TextOf(row, "name"))
          .Cell(TextOf(row, "mode"))
          .Cell(CountOf(row, "matched"))
          .Cell(CountOf(row, "passing"))
          .Cell(CountOf(row, "failing"))
          .Cell(CountOf(row, "unknown"))
          .Cell(Badge(TextOf(row, "ready")))
          .Cell(concerns);
    }
    return html.Part(table.Take());
  }

  Html Identities() const {
    Html html;
    html.Element("h2", "TPM identities");
    if (view_["identities"].empty()) {
      return html.Element("p", "There is none.", "none");
    }
    HtmlTable table({{"Identity", "name"},
                     {"Node"},
                     {"Decision"},
                     {"Admitted by"},
                     {"TPM"},
                     {"Certificate verified by"},
                     {"Reason"}});
    for (const ordered_json& row : view_["identities"]) {
      table.Row()
          .Cell(TextOf(row, "name").substr(0, 15))
          .Cell(TextOf(row, "node"))
          .Cell(Badge(TextOf(row, "decision")))
          .Cell(TextOf(row, "admittedBy"))
          .Cell(TextOf(row, "manufacturer") + " " + TextOf(row, "firmwareVersion"))
          .Cell(TextOf(row, "authority"))
          .Cell(TextOf(row, "reason"));
    }
    return html.Part(table.Take());
  }

  Html References() const {
    Html html;
    html.Element("h2", "Reference sets");
    if (view_["references"].empty()) {
      return html.Element("p", "There is none.", "none");
    }
    HtmlTable table({{"Set", "name"},
                     {"State"},
                     {"Nodes", "number"},
                     {"Policies"},
                     {"Description"},
                     {"To look at"}});
    for (const ordered_json& row : view_["references"]) {
      table.Row()
          .Cell(TextOf(row, "name"))
          .Cell(Badge(TextOf(row, "state")))
          .Cell(CountOf(row, "matchedNodes"))
          .Cell(TextOf(row, "policies"))
          .Cell(TextOf(row, "description"))
          .Cell(Joined(row["concerns"]));
    }
    return html.Part(table.Take());
  }

  Html Authorities() const {
    Html html;
    if (view_["authorities"].empty()) {
      return html;
    }
    html.Element("h2", "Endorsement authorities to look at").Open("ul");
    for (const ordered_json& row : view_["authorities"]) {
      html.Element("li", TextOf(row, "name") + ": " + Joined(row["concerns"]));
    }
    return html.Close("ul");
  }

  Html Exceptions() const {
    Html html;
    if (view_["exceptions"].empty()) {
      return html;
    }
    HtmlTable table({{"Exception", "name"}, {"Nodes", "number"}, {"Ends"}, {"Reason"}});
    for (const ordered_json& row : view_["exceptions"]) {
      const auto expires = ParseTime(TextOf(row, "expiresAt"));
      table.Row()
          .Cell(TextOf(row, "name"))
          .Cell(CountOf(row, "nodes"))
          .Cell(expires ? Until(*expires, now_) : "never")
          .Cell(TextOf(row, "reason"));
    }
    return html.Element("h2", "Exceptions in force").Part(table.Take());
  }

  Html Firmware() const {
    Html html;
    html.Element("h2", "Firmware").Open("div", "columns");
    const std::pair<const char*, const char*> lists[] = {{"tpmFirmware", "TPM"},
                                                         {"bootFirmware", "Boot firmware"}};
    for (const auto& [key, head] : lists) {
      HtmlTable table({{head}, {"Nodes", "number"}});
      for (const ordered_json& row : view_[key]) {
        table.Row().Cell(TextOf(row, "version")).Cell(CountOf(row, "nodes"));
      }
      html.Open("div").Part(table.Take()).Close("div");
    }
    return html.Close("div");
  }

  const ordered_json& view_;
  const WallTime now_;
};

}  // namespace

std::string ReportPage(const ordered_json& view, WallTime now) { return Page(view, now).Make(); }

}  // namespace plimsoll::plugin
