#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <lms/error.hpp>
#include <lms/mail.hpp>

namespace lms {

/// What a rendered mail says.
struct MailText {
  std::string subject, text, html;
};

/// The templates of mails by their file names: those built in, those of a host's own kinds, and over both the files of
/// a folder. Read-only and thread-safe once all kinds are added.
class MailTemplates {
 public:
  using Values = std::map<std::string, std::string, std::less<>>;

  /// @throws Error invalid with every fault of the folder's files, but those of kinds that are not known yet; or if the
  /// folder cannot be read. An empty folder name: there is none.
  explicit MailTemplates(const std::string& folder);

  /// Makes a host's own kind known. @throws Error invalid with every fault of its templates.
  void add(const MailKind& kind);

  /// The language to write in for somebody who prefers that one: itself, without its country, or English (empty).
  std::string language_of(const MailKind& kind, std::string_view preferred) const;
  /// Writes the mail. @throws Error internal if a placeholder has no value.
  MailText render(const MailKind& kind, std::string_view language, const Values& values) const;

  /// Files of the folder that belong to no known kind.
  std::vector<std::string> strays() const;
  /// Everything that is wrong with the templates of a kind.
  std::vector<Fault> faults(const MailKind& kind) const;
  /// The same for the page around the HTML of every mail.
  std::vector<Fault> layout_faults() const;

 private:
  struct Source {
    std::string_view text;
    std::string origin;  ///< as an operator knows it
  };

  void read(const std::string& folder);
  const Source* find(std::string_view name, std::string_view language, std::string_view ending) const;

  std::map<std::string, std::string, std::less<>> folder_files_;
  std::map<std::string, Source, std::less<>> sources_;
  std::set<std::string_view> kinds_;
};

}  // namespace lms
