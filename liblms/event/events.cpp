#include <lms/event.hpp>

#include <algorithm>
#include <utility>

#include <lms/principal.hpp>
#include <lms/repository.hpp>

#include "base/nearest.hpp"
#include "base/utf8.hpp"
#include "event/event_head.hpp"

namespace lms {

namespace {

constexpr std::size_t sequenced_at_once = 1'000;
constexpr std::size_t looked_through_at_once = 200;
constexpr std::chrono::hours clock_drift{1};  // between nodes that number events by their own clocks

/// Numbers the oldest events that have no position; false once none is left.
bool sequence_batch(UnitOfWork& uow) {
  Repository<EventHead> heads(uow);
  heads.insert_if_absent(EventHead{});
  EventHead head = heads.select({.where = equal("id", EventHead{}.id), .lock = Lock::update}).at(0);

  Repository<Event> events(uow);
  const auto waiting = events.select(
      {.where = is_null("position"), .order = {ascending("id")}, .fields = {"id"}, .limit = sequenced_at_once});
  for (const Event& event : waiting) {
    ++head.position;
    events.update_all(equal("id", event.id), {set("position", head.position)});
  }
  if (!waiting.empty()) heads.update(head);
  return waiting.size() == sequenced_at_once;
}

void check_types(const std::vector<std::string>& wanted, const std::vector<std::string>& declared) {
  constexpr std::size_t longest_shown = 100;  // bytes
  std::vector<Fault> faults;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (std::find(declared.begin(), declared.end(), wanted[i]) != declared.end()) continue;
    const auto meant = nearest(wanted[i], declared);
    faults.push_back(
        {{"query", "types", i},
         "there is no event " + std::string(cut_utf8(wanted[i], longest_shown)) +
             (meant ? "; did you mean " + *meant + "?" : "; the API's documentation lists those there are"),
         "value_error.event_type"});
  }
  if (!faults.empty()) throw invalid(std::move(faults));
}

}  // namespace

const Schema& EventHead::schema() {
  static const Schema schema = define<EventHead>("EventHead", "How far events have been given positions.")
                                   .table("event_head")
                                   .key("id", &EventHead::id)
                                   .field("position", &EventHead::position);
  return schema;
}

const Schema& Event::schema() {
  static const Schema schema =
      define<Event>("Event", "Something that happened in the school.")
          .table("events")
          .key("id", &Event::id)
          .field("type", &Event::type,
                 {.doc = "What happened.", .access = Access::read_only, .example = "course.published"})
          .field("timestamp", &Event::timestamp, {.doc = "When it happened.", .access = Access::read_only})
          .field("actor", &Event::actor,
                 {.doc = "The user who caused it; null: the school itself.", .access = Access::read_only})
          .field("data", &Event::data,
                 {.doc = "Its particulars, shaped as the type says.", .access = Access::read_only})
          .field("position", &Event::position,
                 {.doc = "Its place in the feed, for `after`.", .access = Access::read_only, .example = 42})
          .unique({"position"});
  return schema;
}

const Schema& EventQuery::schema() {
  static const Schema schema =
      define<EventQuery>("EventQuery", "Which part of the feed.")
          .field("after", &EventQuery::after,
                 {.doc = "Position of the last event seen; 0 for the beginning.", .minimum = 0, .example = 0})
          .field("limit", &EventQuery::limit, {.doc = "How many events at most.", .minimum = 1, .maximum = max_limit})
          .field("types", &EventQuery::types,
                 {.doc = "Only events of these types, which stand under webhooks; none: all.",
                  .max_length = 100,
                  .example = Array{"course.published"}});
  return schema;
}

void Events::append(UnitOfWork& uow, const EventType& type, const Principal& who, Object data) {
  const Time now = clock_.now();
  const Event event{.id = EventId(random_.uuid(now)),
                    .type = std::string(type.name),
                    .timestamp = now,
                    .actor = who.maybe_user(),
                    .data = {},
                    .position = std::nullopt};
  Record record = Event::schema().to_record(&event);
  record[Event::schema().index_of("data")] = std::move(data);  // a repository would copy it
  uow.insert(Event::schema(), std::move(record));
  if (observer_) uow.after_commit([this, &type] { observer_(type); });
}

void Events::declare(const std::vector<const EventType*>& types) {
  for (const EventType* type : types) declared_.emplace_back(type->name);
  types_.insert(types_.end(), types.begin(), types.end());
}

std::vector<Event> Events::after(const Principal& who, const EventQuery& query) {
  require_admin(who);
  if (!declared_.empty()) check_types(query.types, declared_);
  sequence();
  const auto limit = static_cast<std::size_t>(std::clamp<std::int64_t>(query.limit, 1, EventQuery::max_limit));
  std::vector<Condition> conditions{greater("position", query.after)};
  if (!query.types.empty()) conditions.push_back(in("type", query.types));
  return storage_.read([&](UnitOfWork& uow) {
    return Repository<Event>(uow).select(
        {.where = all_of(conditions), .order = {ascending("position")}, .limit = limit});
  });
}

bool Events::names(const Event& event, UserId person) {
  if (!event.data.is_object()) return false;
  const Value id(person.text());
  const Object& data = event.data.as_object();
  return std::any_of(data.begin(), data.end(), [&](const Object::Member& member) { return member.second == id; });
}

/// Ids begin with their time, 48 bits of milliseconds.
EventId Events::before(Time time) {
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>((time - clock_drift).time_since_epoch()).count();
  auto rest = static_cast<std::uint64_t>(std::max<std::int64_t>(0, milliseconds));
  Uuid id;
  for (std::size_t i = 6; i-- > 0; rest >>= 8) id.bytes[i] = static_cast<std::uint8_t>(rest & 0xff);
  return EventId(id);
}

std::optional<EventId> Events::erase_person(UnitOfWork& uow, UserId person, std::string_view email,
                                            std::string_view name, EventId after) const {
  Repository<Event> events(uow);
  const auto found = events.select({.where = greater("id", after), .limit = looked_through_at_once});
  for (const Event& event : found) {
    if (!names(event, person)) continue;
    const auto type =
        std::find_if(types_.begin(), types_.end(), [&](const EventType* known) { return known->name == event.type; });
    if (type == types_.end()) continue;
    Object data = event.data.as_object();
    for (const Field& field : (*type)->data().fields()) {
      if (!field.personal || !data.contains(field.name)) continue;
      const bool is_address = field.format == Format::email;
      data.set(field.name, field.nullable ? Value() : Value(is_address ? email : name));
    }
    if (Value(data) != event.data) events.update_all(equal("id", event.id), {set("data", Value(std::move(data)))});
  }
  if (found.size() < looked_through_at_once) return std::nullopt;
  return found.back().id;
}

// An id is made before its transaction commits, so a feed ordered by id would pass over what commits late. Positions
// are given to what has been committed, one numberer at a time.
void Events::sequence() {
  const auto unnumbered = [](UnitOfWork& uow) { return Repository<Event>(uow).exists(is_null("position")); };
  if (!storage_.read(unnumbered)) return;
  while (storage_.write(sequence_batch, Isolation::read_committed)) {
  }
}

}  // namespace lms
