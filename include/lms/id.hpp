#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <lms/export.hpp>

namespace lms {

/// 128 bits, RFC 9562. Ids are made by `Random::uuid` (version 7: they sort by the time they were made).
struct LMS_API Uuid {
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const Uuid&) const = default;
  bool is_nil() const noexcept { return *this == Uuid{}; }
  /// `018f…`: 36 characters, lower case.
  std::string text() const;
  void append_text(std::string& out) const;
  /// Accepts the 36-character form in either case, nothing else.
  static std::optional<Uuid> parse(std::string_view text) noexcept;
};

/// The id of one kind of thing: a `CourseId` is not a `UserId`.
template <class Entity>
struct Id {
  Uuid uuid;

  Id() = default;
  explicit Id(Uuid value) : uuid(value) {}
  auto operator<=>(const Id&) const = default;
  bool is_nil() const noexcept { return uuid.is_nil(); }
  std::string text() const { return uuid.text(); }
  void append_text(std::string& out) const { uuid.append_text(out); }
  static std::optional<Id> parse(std::string_view text) noexcept {
    auto uuid = Uuid::parse(text);
    if (!uuid) return std::nullopt;
    return Id(*uuid);
  }
};

using UserId = Id<struct User>;
using SessionId = Id<struct Session>;
using AccessTokenId = Id<struct AccessToken>;
using CourseId = Id<struct Course>;
using SectionId = Id<struct Section>;
using LessonId = Id<struct Lesson>;
using EnrollmentId = Id<struct Enrollment>;
using QuizId = Id<struct Quiz>;
using QuestionId = Id<struct Question>;
using AttemptId = Id<struct Attempt>;
using CertificateId = Id<struct Certificate>;
using EventId = Id<struct Event>;
using JobId = Id<struct Job>;

}  // namespace lms

template <>
struct std::hash<lms::Uuid> {
  std::size_t operator()(const lms::Uuid& id) const noexcept {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()});
  }
};
