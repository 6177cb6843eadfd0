#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <lms/export.hpp>
#include <lms/schema.hpp>
#include <lms/spi/clock.hpp>
#include <lms/spi/random.hpp>
#include <lms/spi/storage.hpp>

/// Events say what happened in the school. They are written in the transaction that caused them.
namespace lms {

/// One kind of event: its name, what it means, and the shape of its data.
struct EventType {
  std::string_view name;     ///< `course.published`
  std::string_view meaning;  ///< one sentence, for people
  const Schema& (*data)();
};

/// An event that was written.
struct LMS_API Event {
  EventId id;
  std::string type;
  Time timestamp;
  std::optional<UserId> actor;           ///< who caused it; none: the school itself
  Value data;                            ///< in wire form, as the type's schema says
  std::optional<std::int64_t> position;  ///< its place in the feed, given once it has been committed

  static const Schema& schema();
};

struct LMS_API EventQuery {
  static constexpr std::int64_t max_limit = 1'000;

  std::int64_t after = 0;               ///< position of the last event seen
  std::int64_t limit = 100;             ///< 1–1000
  std::vector<std::string> types = {};  ///< those wanted; empty: all

  static const Schema& schema();
};

class Principal;

/// The school's event log. Thread-safe.
class LMS_API Events {
 public:
  Events(Storage& storage, Clock& clock, Random& random) : storage_(storage), clock_(clock), random_(random) {}

  /// Writes an event into the caller's transaction.
  template <HasSchema Data>
  void emit(UnitOfWork& uow, const EventType& type, const Principal& who, const Data& data) {
    append(uow, type, who, to_wire(data));
  }

  /// Says which events there are, besides those said before; a host adds its own. Set up before the first call.
  void declare(const std::vector<const EventType*>& types);

  /// Hears of every event once it is durable; must not wait and throws nothing. Set up before the first call.
  void observe(std::function<void(const EventType&)> observer) { observer_ = std::move(observer); }

  /// The events after a position, in order, none left out. Admins only.
  /// @throws Error forbidden; invalid for a type that nobody declared, once some are.
  std::vector<Event> after(const Principal& who, const EventQuery& query);

  /// Whether the data of an event name that person.
  static bool names(const Event& event, UserId person);
  /// A place in the log that no event since then stands before, for the next.
  static EventId before(Time time);
  /// Replaces what says who the person is (`FieldOptions::personal`) in the data of the next events after that place
  /// which name them: texts by `name`, addresses by `email`, what may be missing by null. Returns the place to go on
  /// from; none at the end. The events keep their positions.
  std::optional<EventId> erase_person(UnitOfWork& uow, UserId person, std::string_view email, std::string_view name,
                                      EventId after) const;

 private:
  void append(UnitOfWork& uow, const EventType& type, const Principal& who, Object data);
  /// Gives positions to what was committed since the last call.
  void sequence();

  Storage& storage_;
  Clock& clock_;
  Random& random_;
  std::vector<std::string> declared_;
  std::vector<const EventType*> types_;
  std::function<void(const EventType&)> observer_;
};

}  // namespace lms
