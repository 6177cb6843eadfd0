#include <lms/user_import.hpp>

#include <algorithm>
#include <map>
#include <utility>

#include <lms/repository.hpp>

#include "base/crypto.hpp"
#include "base/csv.hpp"
#include "base/formats.hpp"
#include "base/nearest.hpp"
#include "base/utf8.hpp"
#include "user/user_row.hpp"

namespace lms {

namespace {

constexpr std::size_t rows_at_once = 25;  // so that a transaction stays as short as a request's
constexpr std::size_t longest_email_shown = 254;

std::string lower(std::string_view text) {
  std::string low(text);
  for (char& c : low)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return low;
}

/// The columns, in the order of the file. @throws Error invalid for what no row can be read by.
std::vector<std::string> read_columns(const std::optional<CsvRow>& header) {
  if (!header) throw invalid({"body"}, "the file is empty; its first row names the columns", "value_error.missing");
  std::vector<std::string> known;
  for (const Field& field : UserRow::schema().fields()) known.push_back(field.name);
  std::vector<std::string> columns;
  std::vector<Fault> faults;
  const auto fault = [&](std::string message, const char* type) {
    faults.push_back({{"body", header->line}, std::move(message), type});
  };
  for (const std::string& cell : header->fields) {
    std::string name = lower(without_blanks_around(cell));
    const std::string shown(cut_utf8(name, 100));
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const auto meant = nearest(shown, known);
      fault("there is no column \"" + shown + "\"" + (meant ? "; did you mean " + *meant + "?" : ""),
            "value_error.extra");
    } else if (std::find(columns.begin(), columns.end(), name) != columns.end()) {
      fault("the column " + shown + " is there twice", "value_error.duplicate");
    }
    columns.push_back(std::move(name));
  }
  for (const char* needed : {"email", "full_name"})
    if (std::find(columns.begin(), columns.end(), needed) == columns.end())
      fault(std::string("the column ") + needed + " is missing; the first row names the columns",
            "value_error.missing");
  if (!faults.empty()) throw invalid(std::move(faults));
  return columns;
}

bool is_blank(const CsvRow& row) {
  return std::all_of(row.fields.begin(), row.fields.end(), [](const std::string& field) { return field.empty(); });
}

/// Reads the whole table once, so that nothing is changed by a file that is broken further on.
void check_table(std::string_view csv) {
  if (csv.size() > UserImports::max_bytes)
    throw invalid({"body"}, "may have at most " + std::to_string(UserImports::max_bytes) + " bytes",
                  "value_error.any_str.max_length");
  CsvReader table(csv);
  const auto columns = read_columns(table.next());
  const auto password = std::find(columns.begin(), columns.end(), "password") - columns.begin();
  std::size_t rows = 0;
  std::size_t passwords = 0;
  while (const auto row = table.next()) {
    if (is_blank(*row)) continue;
    if (++rows > UserImports::max_rows)
      throw invalid({"body", row->line},
                    "a file may have at most " + std::to_string(UserImports::max_rows) + " rows; import it in parts",
                    "value_error.list.max_items");
    const auto place = static_cast<std::size_t>(password);
    if (place < row->fields.size() && !row->fields[place].empty() && ++passwords > UserImports::max_passwords)
      throw invalid({"body", row->line, "password"},
                    "a file may bring at most " + std::to_string(UserImports::max_passwords) +
                        " passwords; leave the column out and people are invited, or bring hashes",
                    "value_error.list.max_items");
  }
}

/// `true` and `false` as spreadsheets and people write them.
std::string truth(const std::string& text) {
  const std::string low = lower(without_blanks_around(text));
  if (low == "yes" || low == "true") return "true";
  if (low == "no" || low == "false") return "false";
  return text;
}

Fault at_line(Fault fault, std::size_t line) {
  if (!fault.loc.empty()) fault.loc.erase(fault.loc.begin());
  fault.loc.insert(fault.loc.begin(), {std::string("body"), line});
  return fault;
}

ImportFault shown(const Fault& fault) {
  ImportFault result{{}, fault.message, fault.type};
  for (const PathStep& step : fault.loc) {
    if (const auto* index = std::get_if<std::size_t>(&step))
      result.loc.emplace_back(static_cast<std::int64_t>(*index));
    else
      result.loc.emplace_back(std::get<std::string>(step));
  }
  return result;
}

}  // namespace

/// A row on its way.
struct UserImports::Candidate {
  std::size_t line = 0;
  std::string email;  ///< as it stands in the file
  std::string key;    ///< what the address is unique by; empty if it is none
  UserRow row;
  std::optional<User> made;  ///< the account it could become
  std::vector<Fault> faults;

  void add(const Error& error) {
    for (const Fault& fault : error.faults()) faults.push_back(at_line(fault, line));
  }
};

/// What the rows so far have done to the school's admins. A dry run knows only from here.
struct UserImports::Admins {
  bool gained = false;
  std::vector<UserId> lost;
};

struct UserImports::Batch {
  Admins admins;
  std::vector<ImportedRow> rows;
};

UserImports::Candidate UserImports::candidate(std::size_t line, std::vector<std::string> fields,
                                              const std::vector<std::string>& columns) const {
  Candidate made;
  made.line = line;
  std::vector<std::pair<std::string, std::string>> cells;
  for (std::size_t i = 0; i < std::min(fields.size(), columns.size()); ++i) {
    if (columns[i] == "email") {
      fields[i] = without_blanks_around(fields[i]);
      made.email = cut_utf8(fields[i], longest_email_shown);
      if (normal_email(fields[i])) made.key = email_key(fields[i]);
    }
    if (fields[i].empty()) continue;
    cells.emplace_back(columns[i], columns[i] == "is_active" ? truth(fields[i]) : std::move(fields[i]));
  }
  if (fields.size() != columns.size()) {
    made.faults.push_back(
        {{"body", line},
         "has " + std::to_string(fields.size()) + " fields, and the first row " + std::to_string(columns.size()),
         "value_error.csv.fields"});
    return made;
  }
  try {
    UserRow::schema().parse_texts(&made.row, cells, "body");
    const UserRow& row = made.row;
    const auto refuse = [](const char* column, std::string message, const char* type) {
      throw invalid({"body", column}, std::move(message), type);
    };
    if (!row.password.empty() && !row.password_hash.empty())
      refuse("password_hash", "a row has a password or a hash of one, not both", "value_error.password.twice");
    if (!row.password.empty()) users_.password_policy().check(row.password, row.email, row.full_name);
    if (!row.password_hash.empty() && !is_password_hash(row.password_hash))
      refuse("password_hash",
             "must be a hash of Argon2id as a PHC string, whose memory times its passes is 1 GiB at most, or one of "
             "bcrypt with a cost of 14 at most",
             "value_error.password.hash");
    User user = users_.make({.email = row.email,
                             .full_name = row.full_name,
                             .role = row.role,
                             .language = row.language,
                             .timezone = row.timezone},
                            row.password_hash);
    user.is_active = row.is_active;
    if (!row.password.empty() || !row.password_hash.empty()) user.email_verified_at = user.created_at;
    made.made = std::move(user);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid) throw;
    made.add(error);
  }
  return made;
}

/// For those only that have no account yet.
void UserImports::hash_passwords(std::vector<Candidate>& candidates) {
  std::vector<std::string> keys;
  for (const Candidate& candidate : candidates)
    if (candidate.made && !candidate.row.password.empty()) keys.push_back(candidate.key);
  if (keys.empty()) return;
  const auto existing =
      storage_.read([&](UnitOfWork& uow) { return Repository<User>(uow).select({.where = in("email_key", keys)}); });
  for (Candidate& candidate : candidates) {
    if (!candidate.made || candidate.row.password.empty()) continue;
    const auto is_theirs = [&](const User& user) { return user.email_key == candidate.key; };
    if (std::none_of(existing.begin(), existing.end(), is_theirs))
      candidate.made->password_hash = hasher_.hash(candidate.row.password);
  }
}

/// False if somebody else has made one meanwhile.
bool UserImports::create(UnitOfWork& uow, const Principal& who, const Candidate& candidate) {
  const User& user = *candidate.made;
  if (!Repository<User>(uow).insert_if_absent(user)) return false;
  events_.emit(uow, events::user_registered, who, UserEvent::of(user));
  if (user.password_hash.empty() && user.is_active)
    for (const auto& hook : users_.invitation_hooks_) hook(uow, user);
  audit_.record(uow, who, audited::user_imported, user.id, {{"role", user.role}});
  return true;
}

/// False if there is nothing to change.
bool UserImports::update(UnitOfWork& uow, const Principal& who, const Candidate& candidate, User user, bool dry_run) {
  const UserRow& row = candidate.row;
  const User before = user;
  user.full_name = row.full_name;
  if (row.language) user.language = *row.language;
  if (row.timezone) user.timezone = *row.timezone;
  if (row.role) user.role = *row.role;
  Array changed;
  for (const char* name : {"full_name", "language", "timezone"}) {
    const Field& field = *User::schema().find(name);
    if (field.get(&before) != field.get(&user)) changed.emplace_back(name);
  }
  const bool has_new_role = user.role != before.role;
  if (changed.empty() && !has_new_role) return false;
  if (dry_run) return true;
  user.updated_at = clock_.now();
  Repository<User>(uow).update(user);
  if (!changed.empty()) events_.emit(uow, events::user_updated, who, UserEvent::of(user));
  if (has_new_role) events_.emit(uow, events::user_role_changed, who, UserEvent::of(user));
  if (!changed.empty()) audit_.record(uow, who, audited::user_updated, user.id, {{"fields", std::move(changed)}});
  if (has_new_role)
    audit_.record(uow, who, audited::user_role_changed, user.id, {{"role", from_to(before.role, user.role)}});
  return true;
}

UserImports::Batch UserImports::apply(UnitOfWork& uow, const Principal& who, const std::vector<Candidate>& candidates,
                                      Admins admins, const UserImportOptions& options) {
  Repository<User> users(uow);
  std::vector<std::string> keys;
  for (const Candidate& candidate : candidates)
    if (candidate.made) keys.push_back(candidate.key);
  std::map<std::string, User> existing;
  for (User& user : users.select({.where = in("email_key", keys)})) {
    std::string key = user.email_key;
    existing.emplace(std::move(key), std::move(user));
  }

  Batch batch{std::move(admins), {}};
  for (const Candidate& candidate : candidates) {
    ImportedRow row;
    row.line = static_cast<std::int64_t>(candidate.line);
    row.email = candidate.email;
    row.outcome = ImportOutcome::invalid;
    for (const Fault& fault : candidate.faults) row.faults.push_back(shown(fault));
    const auto found = existing.find(candidate.key);
    const bool touches_admin =
        candidate.made && (candidate.made->role == role::admin ||
                           (options.update && found != existing.end() && found->second.role == role::admin));
    if (!candidate.made) {
      // its faults say why
    } else if (touches_admin && !who.is_admin()) {
      row.faults.push_back(
          shown({{"body", candidate.line, "role"}, "only an admin makes admins and changes them", "value_error.role"}));
    } else if (found == existing.end()) {
      const bool is_made = options.dry_run || create(uow, who, candidate);
      row.outcome = is_made ? ImportOutcome::created : ImportOutcome::exists;
      if (is_made && !options.dry_run) row.user_id = candidate.made->id;
      batch.admins.gained |= is_made && candidate.made->role == role::admin && candidate.made->is_active;
    } else {
      const User& user = found->second;
      const std::string wanted = candidate.row.role.value_or(user.role);
      const bool is_admin = user.role == role::admin && user.is_active;
      const bool steps_down = options.update && is_admin && wanted != role::admin;
      std::vector<UserId> leaving = batch.admins.lost;
      leaving.push_back(user.id);
      if (steps_down && !batch.admins.gained && !users.exists(Users::other_admins(leaving))) {
        row.faults.push_back(shown(
            {{"body", candidate.line, "role"}, "the school would be left without an admin", "value_error.last_admin"}));
      } else {
        row.user_id = user.id;
        const bool changes = options.update && !user.erased_at && update(uow, who, candidate, user, options.dry_run);
        row.outcome = changes ? ImportOutcome::updated : ImportOutcome::exists;
        if (steps_down) batch.admins.lost = std::move(leaving);
        batch.admins.gained |= changes && user.is_active && user.role != role::admin && wanted == role::admin;
      }
    }
    batch.rows.push_back(std::move(row));
  }
  return batch;
}

UserImportReport UserImports::run(const Principal& who, std::string_view csv, const UserImportOptions& options) {
  require(who, Permission::manage_users);
  check_table(csv);

  UserImportReport report;
  report.dry_run = options.dry_run;
  Admins admins;
  std::size_t faults = 0;
  std::vector<Candidate> candidates;
  const auto finish = [&] {
    if (!options.dry_run) hash_passwords(candidates);
    const auto work = [&](UnitOfWork& uow) {
      users_.require_still(uow, who);
      return apply(uow, who, candidates, admins, options);
    };
    Batch batch = options.dry_run ? storage_.read(work) : storage_.write(work);
    candidates.clear();
    admins = std::move(batch.admins);
    for (ImportedRow& row : batch.rows) {
      faults += row.faults.size();
      if (faults > max_faults && !row.faults.empty()) {
        report.faults_left_out = true;
        row.faults.clear();
      }
      std::int64_t& counted = row.outcome == ImportOutcome::created   ? report.created
                              : row.outcome == ImportOutcome::updated ? report.updated
                              : row.outcome == ImportOutcome::exists  ? report.existing
                                                                      : report.invalid;
      ++counted;
      report.rows.push_back(std::move(row));
    }
  };

  CsvReader table(csv);
  const auto columns = read_columns(table.next());
  std::map<std::string, std::size_t> lines;  // of addresses
  while (auto row = table.next()) {
    if (is_blank(*row)) continue;
    Candidate next = candidate(row->line, std::move(row->fields), columns);
    if (!next.key.empty()) {
      const auto [first, is_new] = lines.emplace(next.key, next.line);
      if (!is_new) {
        next.made.reset();
        next.faults.push_back({{"body", next.line, "email"},
                               "stands in line " + std::to_string(first->second) + " already",
                               "value_error.duplicate"});
      }
    }
    candidates.push_back(std::move(next));
    if (candidates.size() == rows_at_once) finish();
  }
  if (!candidates.empty()) finish();
  return report;
}

}  // namespace lms
