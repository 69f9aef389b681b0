#include <fmt/format.h>

#include <algorithm>

#include "eventlog/fact_context.h"
#include "eventlog/grub_text.h"
#include "eventlog/linux_tags.h"
#include "eventlog/text.h"

// Kernel command lines and the GRUB commands before them (B7).
namespace plimsoll::eventlog {
namespace {

constexpr uint32_t kGrubPcr = 8;
constexpr uint32_t kStubPcr = 12;
constexpr size_t kMaxCommandLines = 16;
constexpr size_t kMaxGrubCommands = 128;
constexpr size_t kMaxGrubCommandBytes = 128;
constexpr size_t kCommandNames = 70;  // names and punctuation of one in JSON

// As Linux sees it: everything that its isspace() takes for white space is a blank. The byte 0xA0
// is, even within a UTF-8 sequence.
Bytes AsKernelText(ByteSpan bytes) {
  Bytes text = ToBytes(bytes);
  for (uint8_t& byte : text) {
    if ((byte >= '\t' && byte <= '\r') || byte == 0xA0) {
      byte = ' ';
    }
  }
  return text;
}

class CommandLineReader {
 public:
  explicit CommandLineReader(FactContext& context) : context_(context) {}

  void Read() {
    for (const Event& event : context_.log.events()) {
      if (event.type == EventType::kNoAction) {
        continue;
      }
      if (event.pcr == kGrubPcr) {
        ReadGrubEvent(event);
      } else if (event.pcr == kStubPcr) {
        ReadStubEvent(event);
      } else if (IsLinuxTag(event, kLoadOptionsTag)) {
        Add(event, CommandLineSource::kKernelStub, false, {});
      }
    }
    if (linux_command_ && kernel_lines_ == 0) {
      context_.Report("B7", Severity::kDenies, *linux_command_,
                      fmt::format("GRUB was told to load a kernel (event {}), but no event is "
                                  "called the command line of a kernel",
                                  linux_command_->index));
    }
  }

 private:
  void ReadGrubEvent(const Event& event) {
    const Coverage& coverage = context_.CoverageOf(event);
    if (!coverage.any()) {
      context_.Report("L3", Severity::kDenies, event,
                      fmt::format("the text of event {} of PCR 8 is not what its digest was made "
                                  "from",
                                  event.index));
      return;
    }
    ByteSpan covered = coverage.Of(event);
    if (coverage.offset != 0 && covered.back() == 0) {
      covered = covered.first(covered.size() - 1);
    }
    const GrubLabel label = coverage.offset != 0 ? ReadGrubLabel(event.data) : GrubLabel::kNone;
    if (label == GrubLabel::kNone && ReadStubText(event)) {
      return;
    }
    const std::string_view arguments = LinuxCommandArguments(AsText(covered));
    if (!arguments.empty()) {
      linux_command_ = event;
      linux_arguments_ = arguments;
      Add(event, CommandLineSource::kGrubLinuxCommand, true, AsBytes(arguments));
    } else if (label == GrubLabel::kKernelCommandLine) {
      ReadKernelCommandLine(event, covered);
    } else if (label == GrubLabel::kNone) {
      context_.Report(
          "B7", Severity::kDenies, event,
          fmt::format("nothing says what the text of event {} of PCR 8 is", event.index));
    }
    if (label != GrubLabel::kKernelCommandLine) {
      AddGrubCommand(event, covered);
    }
  }

  // The label is anyone's word; the command that GRUB logs before it, in the same PCR, is not.
  void ReadKernelCommandLine(const Event& event, ByteSpan text) {
    ++kernel_lines_;
    if (!linux_arguments_ || !SameWords(*linux_arguments_, AsText(text))) {
      context_.Report("B7", Severity::kDenies, event,
                      fmt::format("event {} is called the command line of a kernel, but is not the "
                                  "one of the last command that loads a kernel",
                                  event.index));
    }
    Add(event, CommandLineSource::kGrubKernel, true, text);
  }

  // Whatever is not proven to be something else may be a command line that somebody hid.
  void ReadStubEvent(const Event& event) {
    constexpr size_t kWindowsSeparatorBytes = 4;
    const Coverage& coverage = context_.CoverageOf(event);
    if (ReadStubText(event) || (event.type == EventType::kSeparator && coverage.whole() &&
                                event.data.size() <= kWindowsSeparatorBytes)) {
      return;
    }
    context_.Report("L3", Severity::kDenies, event,
                    fmt::format("event {} of PCR 12 may be a command line: {}", event.index,
                                coverage.any() ? "its text is not one that systemd's stub measures"
                                               : "its digest was not made from its data"));
  }

  // What systemd's loader or stub measured as UTF-16. Whether it was that.
  bool ReadStubText(const Event& event) {
    // What was hashed may stand behind bytes that were not, under a label or a tag of any name.
    const std::string text = TextOfUtf16(context_.CoverageOf(event).Of(event));
    if (text.empty()) {
      return false;
    }
    Add(event, CommandLineSource::kStub, true, AsBytes(text));
    return true;
  }

  void Add(const Event& event, CommandLineSource source, bool covered, ByteSpan text) {
    const Bytes kernel_text = AsKernelText(text);
    if (covered && std::find(text.begin(), text.end(), uint8_t{0}) != text.end()) {
      covered = false;
      context_.Report("B7", Severity::kDenies, event,
                      fmt::format("the command line in event {} goes on behind a zero byte, where "
                                  "kernels stop reading",
                                  event.index));
    }
    CommandLine line{.event = event.index,
                     .type = event.type,
                     .pcr = event.pcr,
                     .source = source,
                     .covered = covered,
                     .truncated = false,
                     .text = EscapeText(kernel_text, kMaxCommandLineBytes),
                     .digest = context_.DigestOf(event)};
    line.truncated = kernel_text.size() > kMaxCommandLineBytes ||
                     EscapeText(kernel_text, 2 * kMaxCommandLineBytes).size() > line.text.size();
    const size_t cost = JsonCost(line.text, line.digest.size());
    AddBounded(context_.facts.command_lines, std::move(line), kMaxCommandLines, cost,
               context_.rest);
  }

  void AddGrubCommand(const Event& event, ByteSpan text) {
    BootText command{.event = event.index,
                     .pcr = event.pcr,
                     .covered = true,
                     .name = {},
                     .text = EscapeText(text, kMaxGrubCommandBytes)};
    const size_t cost = JsonCost(command.text, 0, kCommandNames);
    AddBounded(context_.facts.grub_commands, std::move(command), kMaxGrubCommands, cost,
               context_.commands);
  }

  FactContext& context_;
  std::optional<Event> linux_command_;
  std::optional<std::string_view> linux_arguments_;
  size_t kernel_lines_ = 0;
};

}  // namespace

void ReadCommandLines(FactContext& context) { CommandLineReader(context).Read(); }

}  // namespace plimsoll::eventlog
