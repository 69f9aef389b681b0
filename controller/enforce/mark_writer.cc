#include "controller/enforce/mark_writer.h"

#include <fmt/format.h>

#include <utility>

namespace plimsoll::controller::enforce {
namespace {

constexpr std::string_view kFieldManager = "plimsoll-controller";
constexpr int kMarks = 3;

std::string LabelText(const Node& node, const std::string& key) {
  const auto found = node.meta.labels.find(key);
  return found == node.meta.labels.end() ? std::string() : found->second;
}

std::string ConditionText(const Condition* condition) {
  return condition == nullptr
             ? std::string()
             : fmt::format("{}/{}", controller::ToString(condition->status), condition->reason);
}

// What the metric counts the write as.
std::string_view ActionOf(Mark mark, const DesiredMarks& desired) {
  return mark == Mark::kTaint && desired.taints.empty() ? "untaint" : ToString(mark);
}

}  // namespace

MarkWriter::MarkWriter(kube::Client& client, NodeEvents events, const Clock& clock,
                       Metrics& metrics, telemetry::Logger& logger, MarkNames names,
                       std::function<bool()> may_write)
    : client_(client),
      events_(events),
      clock_(clock),
      metrics_(metrics),
      logger_(logger),
      names_(std::move(names)),
      may_write_(std::move(may_write)) {}

Result<MarkWriter::Outcome> MarkWriter::Apply(const Node& cached, const EventNode& about,
                                              const LastSeen& last_seen, const Decide& decide) {
  PLIMSOLL_ASSIGN_OR_RETURN(DesiredMarks desired, decide(cached));
  Written written = Recall(cached, last_seen);
  if (MissingMarks(cached, desired, names_).empty()) {
    if (desired.row != Row::kRejudgeFirst) {
      Remember(written, desired);
      Keep(about.name, written);
    }
    return Outcome{.gone = false, .marks = std::move(desired)};
  }
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Result<Live> live = Read(about.name);
    if (!live && live.error().code == ErrorCode::kNotFound) {
      return Outcome{.gone = true, .marks = std::move(desired)};
    }
    if (!live) {
      return tl::unexpected(live.error());
    }
    if (live->node.meta.uid != about.uid) {
      return Outcome{.gone = true, .marks = std::move(desired)};
    }
    PLIMSOLL_ASSIGN_OR_RETURN(desired, decide(live->node));
    auto done = WriteAll(*std::move(live), desired, written, about);
    Keep(about.name, written);
    if (!done && done.error().code == ErrorCode::kNotFound) {
      return Outcome{.gone = true, .marks = std::move(desired)};
    }
    if (!done) {
      return tl::unexpected(done.error());
    }
    if (done->has_value()) {
      return Outcome{.gone = false, .marks = std::move(desired)};
    }
  }
  return Fail(ErrorCode::kConflict, "the Node is being written by others", Retry::kBackoff);
}

void MarkWriter::Forget(const std::string& node_name) {
  const std::lock_guard lock(mutex_);
  written_.erase(node_name);
}

Result<MarkWriter::Live> MarkWriter::Read(const std::string& name) {
  auto json = client_.Get({kube::kNode, name});
  if (!json) {
    return Wrap("read Node", json.error());
  }
  PLIMSOLL_ASSIGN_OR_RETURN(Node node, Node::Parse(*json));
  return Live{*std::move(json), std::move(node)};
}

// Writes what is missing, one mark after another; nullopt after a conflict.
Result<std::optional<MarkWriter::Live>> MarkWriter::WriteAll(Live live, const DesiredMarks& desired,
                                                             Written& written,
                                                             const EventNode& about) {
  for (int write = 0; write <= kMarks; ++write) {
    const std::vector<Mark> missing = MissingMarks(live.node, desired, names_);
    if (missing.empty()) {
      if (desired.row != Row::kRejudgeFirst) {
        Remember(written, desired);
      }
      return std::optional<Live>(std::move(live));
    }
    const Mark mark = missing.front();
    if (!may_write_()) {
      return Fail(ErrorCode::kTimeout, "not the leader any more");
    }
    auto answer = Send(mark, live, desired);
    const std::string_view action = ActionOf(mark, desired);
    if (!answer && answer.error().code == ErrorCode::kConflict) {
      metrics_.EnforcementAction(action, "conflict");
      return std::optional<Live>();
    }
    if (!answer) {
      // It may have been written all the same, so what is there is not known.
      written = Written();
      written.node_uid = about.uid;
      metrics_.EnforcementAction(action, "error");
      return Wrap(fmt::format("write {}", ToString(mark)), answer.error());
    }
    metrics_.EnforcementAction(action, "success");
    Announce(mark, live, desired, written, about);
    if (mark == Mark::kLabel) {
      written.label = desired.label;
      written.trusted_until = desired.trusted_until;
    } else if (mark == Mark::kTaint) {
      written.taints = TaintText(desired.taints);
    } else {
      written.condition = ConditionText(&desired.condition);
    }
    PLIMSOLL_ASSIGN_OR_RETURN(Node node, Node::Parse(*answer));
    live = Live{*std::move(answer), std::move(node)};
  }
  return Fail(ErrorCode::kInternal, "the API server does not keep what is written",
              Retry::kBackoff);
}

Result<std::string> MarkWriter::Send(Mark mark, const Live& live, const DesiredMarks& desired) {
  const kube::ResourceRef ref{kube::kNode, live.node.meta.name};
  kube::WriteOptions options{.subresource = {},
                             .field_manager = std::string(kFieldManager),
                             .force = mark != Mark::kTaint,
                             .dry_run = false};
  switch (mark) {
    case Mark::kLabel:
      // Where only the second label is left, our applies have gone without it already: it is
      // someone else's.
      if (LabelText(live.node, names_.label) == desired.label && desired.trusted_until.empty()) {
        options.force = false;
        return client_.Patch(ref, kube::PatchType::kMerge, TrustedUntilRemoval(live.node, names_),
                             options);
      }
      return client_.Patch(ref, kube::PatchType::kApply, LabelApply(live.node, names_, desired),
                           options);
    case Mark::kCondition: {
      options.subresource = "status";
      if (names_.conditions) {
        return client_.Patch(ref, kube::PatchType::kApply,
                             ConditionApply(live.node, desired.condition, clock_.Wall()), options);
      }
      options.force = false;
      PLIMSOLL_ASSIGN_OR_RETURN(std::string patch, ConditionRemoval(live.json, names_.condition));
      return client_.Patch(ref, kube::PatchType::kMerge, std::move(patch), options);
    }
    case Mark::kTaint:
      break;
  }
  PLIMSOLL_ASSIGN_OR_RETURN(std::string patch, TaintPatch(live.json, names_.taint, desired.taints));
  return client_.Patch(ref, kube::PatchType::kMerge, std::move(patch), options);
}

void MarkWriter::Announce(Mark mark, const Live& before, const DesiredMarks& desired,
                          const Written& written, const EventNode& about) {
  const std::string taints = TaintText(OurTaints(before.node, names_.taint));
  const std::optional<std::string>* left = &written.label;
  std::string found = LabelText(before.node, names_.label);
  std::string wanted = desired.label;
  if (mark == Mark::kTaint) {
    left = &written.taints;
    found = taints;
    wanted = TaintText(desired.taints);
  } else if (mark == Mark::kCondition) {
    left = &written.condition;
    found = ConditionText(Find(before.node.conditions, names_.condition));
    wanted = ConditionText(&desired.condition);
  }
  const bool restored = (left->has_value() && **left != found) ||
                        (mark == Mark::kLabel && written.trusted_until &&
                         *written.trusted_until != LabelText(before.node, names_.trusted_until));
  const bool news = !left->has_value() || **left != wanted;
  logger_.Info("mark written", {{"node", about.name},
                                {"mark", ToString(mark)},
                                {"row", ToString(desired.row)},
                                {"reason", desired.condition.reason},
                                {"restored", restored}});
  if (restored) {
    events_.Warning(
        about, "MarksRestored", "Restore",
        fmt::format("the {} was changed by someone else and is put back", ToString(mark)));
  }
  if (!news) {
    return;
  }
  if (mark == Mark::kLabel && desired.row == Row::kTrusted) {
    events_.Normal(about, "NodeTrusted", "Trust", desired.condition.message);
  } else if (mark == Mark::kLabel && desired.row == Row::kUntrusted) {
    events_.Warning(about, "NodeUntrusted", "Distrust", desired.condition.message);
  } else if (mark == Mark::kTaint && desired.taints.empty()) {
    events_.Normal(about, "TaintRemoved", "Untaint",
                   fmt::format("removed {}={}", names_.taint, taints));
  } else if (mark == Mark::kTaint) {
    events_.Warning(about, "TaintApplied", "Taint",
                    fmt::format("added {}={}{}", names_.taint, wanted, desired.room));
  }
}

void MarkWriter::Remember(Written& written, const DesiredMarks& desired) {
  written.label = desired.label;
  written.trusted_until = desired.trusted_until;
  written.taints = TaintText(desired.taints);
  written.condition = ConditionText(&desired.condition);
}

MarkWriter::Written MarkWriter::Recall(const Node& node, const LastSeen& last_seen) {
  const std::lock_guard lock(mutex_);
  const auto found = written_.find(node.meta.name);
  if (found != written_.end() && found->second.node_uid == node.meta.uid) {
    return found->second;
  }
  // A Node on which nothing of ours was recorded may come with a startup taint, never with a label.
  Written written;
  written.node_uid = node.meta.uid;
  written.label = last_seen.label;
  if (!last_seen.label.empty()) {
    written.taints = last_seen.taint;
  }
  return written;
}

void MarkWriter::Keep(const std::string& node_name, const Written& written) {
  const std::lock_guard lock(mutex_);
  written_.insert_or_assign(node_name, written);
}

}  // namespace plimsoll::controller::enforce
