#include <lms/reencryption.hpp>

#include <memory>
#include <optional>
#include <utility>

namespace lms {

namespace {

/// A token that is to give way to another one.
struct Renewal {
  Value key;
  const Field* field;
  Value old_token;
  std::string token;
};

/// One schema, batch after batch.
class Walk {
 public:
  Walk(Storage& storage, const Fernet& fernet, const Schema& schema, const ReencryptionOptions& options)
      : storage_(storage), fernet_(fernet), schema_(schema), options_(options) {
    fields_.push_back(schema.key().name);
    for (const std::size_t i : schema.encrypted_fields()) fields_.push_back(schema.fields()[i].name);
  }

  Reencryption run() {
    for (std::vector<Record> batch = next(); !batch.empty(); batch = next()) {
      std::vector<Renewal> renewals;
      for (const Record& record : batch) look_at(record, renewals);
      done_.records += batch.size();
      if (!renewals.empty()) done_.renewed += write(renewals);
      if (options_.on_progress) options_.on_progress(schema_, done_);
    }
    return done_;
  }

 private:
  std::vector<Record> next() {
    Query query{.fields = fields_, .limit = options_.batch};
    if (last_key_) query.after = {*last_key_};
    auto batch = storage_.read([&](UnitOfWork& uow) { return uow.select(schema_.as_stored(), query); });
    if (!batch.empty()) last_key_ = batch.back()[schema_.key_index()];
    return batch;
  }

  void look_at(const Record& record, std::vector<Renewal>& renewals) {
    const Value& key = record[schema_.key_index()];
    for (const std::size_t i : schema_.encrypted_fields()) {
      const Value& token = record[i];
      if (token.is_null() || fernet_.is_current(token.as_string())) continue;
      const Field& field = schema_.fields()[i];
      if (auto rotated = fernet_.rotate(token.as_string())) {
        renewals.push_back({key, &field, token, *std::move(rotated)});
        continue;
      }
      ++done_.unreadable;
      if (options_.on_unreadable) options_.on_unreadable(schema_, key, field);
    }
  }

  /// What somebody has changed since it was read is left as it is.
  std::size_t write(const std::vector<Renewal>& renewals) {
    return storage_.write([&](UnitOfWork& uow) {
      std::size_t renewed = 0;
      for (const Renewal& renewal : renewals) {
        const Condition unchanged =
            all_of({equal(schema_.key().name, renewal.key), equal(renewal.field->name, renewal.old_token)});
        renewed +=
            uow.update_where(schema_.as_stored(), unchanged, {set(renewal.field->name, renewal.token)}, Returning::keys)
                .size();
      }
      return renewed;
    });
  }

  Storage& storage_;
  const Fernet& fernet_;
  const Schema& schema_;
  const ReencryptionOptions& options_;
  std::vector<std::string> fields_;
  std::optional<Value> last_key_;
  Reencryption done_;
};

}  // namespace

Reencryption reencrypt(Storage& storage, const std::vector<const Schema*>& schemas,
                       const ReencryptionOptions& options) {
  if (options.batch == 0) throw internal("reencrypt needs batches of one record at least");
  const std::shared_ptr<const Fernet> fernet = storage.cipher().fernet();
  Reencryption all;
  for (const Schema* schema : schemas) {
    if (schema->encrypted_fields().empty()) continue;
    const Reencryption one = Walk(storage, *fernet, *schema, options).run();
    all.records += one.records;
    all.renewed += one.renewed;
    all.unreadable += one.unreadable;
  }
  return all;
}

}  // namespace lms
