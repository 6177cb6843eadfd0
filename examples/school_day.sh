#!/usr/bin/env bash
# A day at a school, over HTTP: from an empty course to a certificate that a stranger verifies.
#
#   BASE_URL=http://127.0.0.1:8000 ADMIN_EMAIL=… ADMIN_PASSWORD=… examples/school_day.sh
#
# Needs curl and jq. Can be run many times against one school: every run brings its own people and its own course.
set -euo pipefail
BASE_URL=${BASE_URL:-http://127.0.0.1:8000}
: "${ADMIN_EMAIL:?names the admin}" "${ADMIN_PASSWORD:?is needed as well}"
package=$(dirname "$0")/school_day_course.json

api=$BASE_URL/api/v1
run=$(date +%s)-$$
steps=0

step() {
  steps=$((steps + 1))
  printf '%2d. %s\n' "$steps" "$1"
}

# call METHOD PATH [TOKEN] [BODY]   leaves the answer in $status and $body
call() {
  local answer arguments=(--silent --show-error --max-time 30 --request "$1" --write-out '\n%{http_code}')
  if [ -n "${3:-}" ]; then arguments+=(--header "Authorization: Bearer $3"); fi
  if [ -n "${4:-}" ]; then arguments+=(--header 'Content-Type: application/json' --data-binary "$4"); fi
  asked="$1 $2"
  if ! answer=$(curl "${arguments[@]}" "$api$2"); then
    echo "Step $steps failed: $BASE_URL does not answer $asked." >&2
    exit 1
  fi
  status=${answer##*$'\n'}
  body=${answer%$'\n'*}
}

# expect STATUS [CONDITION]   the condition is a jq filter that must hold for the body
expect() {
  if [ "$status" != "$1" ]; then
    echo "Step $steps failed: $asked was answered with $status instead of $1: $body" >&2
    exit 1
  fi
  if [ -n "${2:-}" ] && ! jq --exit-status "$2" >/dev/null 2>&1 <<<"$body"; then
    echo "Step $steps failed: the answer to $asked does not satisfy $2: $body" >&2
    exit 1
  fi
}

get() { jq --raw-output "$1" <<<"$body"; }

# login EMAIL PASSWORD   leaves $access and $refresh
login() {
  call POST /auth/login "" "$(jq -n --arg email "$1" --arg password "$2" '{$email, $password}')"
  expect 200 '.token_type == "bearer" and .expires_in > 0 and (.user.id | length) == 36'
  access=$(get .access_token) refresh=$(get .refresh_token)
}

# answers right|wrong   answers to the attempt in $body: each as the course package has it, or each otherwise
answers() {
  jq --argjson right "$([ "$1" = right ] && echo true || echo false)" --slurpfile package "$package" '
    def chosen($key): [.options[] | select(.text as $text | any($key.options[]; .text == $text and .correct == $right)) | .id];
    def answer($key):
      if $key.kind == "multiple_choice" then {selected: chosen($key)}
      elif $key.kind == "single_choice" then {selected: chosen($key)[:1]}
      elif $key.kind == "true_false" then {answer: ($key.answer == $right)}
      else {answer: (if $right then $key.answer else $key.answer + 1 end)}
      end;
    [$package[0].sections[].lessons[].quiz // empty | .questions[]] as $keys
    | {answers: [.questions[] | .text as $text | {question_id} + answer($keys[] | select(.text == $text))]}' <<<"$body"
}

step "The school is open"
call GET /ready
expect 200

step "The admin logs in"
login "$ADMIN_EMAIL" "$ADMIN_PASSWORD"
admin=$access

step "The admin makes an account for an instructor, Vera"
vera=$(jq -n --arg email "vera-$run@example.org" \
  '{$email, password: "spokes and sprockets", full_name: "Vera Wheeler", role: "instructor"}')
call POST /users "$admin" "$vera"
expect 201 '.role == "instructor" and has("password") == false and has("password_hash") == false'

step "Vera logs in"
login "vera-$run@example.org" "spokes and sprockets"
instructor=$access

step "Vera imports her course from a file; it is a draft"
call POST /courses/import "$instructor" "$(jq --arg slug "bicycle-care-$run" '.course.slug = $slug' "$package")"
expect 201 '.status == "draft" and .lesson_count == 4'
course=$(get .id) title=$(get .title)

step "Strangers cannot see the draft"
call GET "/courses/$course"
expect 404

step "Vera publishes \"$title\""
call POST "/courses/$course/publish" "$instructor"
expect 200 '.status == "published" and .published_at != null'

step "A stranger finds it by a word of its title"
call GET "/courses?q=bicycle&page_size=100"
expect 200 "any(.items[]; .id == \"$course\")"

step "A student, Tomás, registers"
tomas=$(jq -n --arg email "tomas-$run@example.org" \
  '{$email, password: "a long and winding road", full_name: "Tomás Núñez"}')
call POST /auth/register "" "$tomas"
expect 201 '.role == "student" and .full_name == "Tomás Núñez"'

step "Tomás logs in"
login "tomas-$run@example.org" "a long and winding road"
student=$access

step "Tomás enrols"
call POST /enrollments "$student" "{\"course_id\": \"$course\"}"
expect 201 '.status == "active"'
enrollment=$(get .id)

step "Tomás finds two sections with four lessons, the last of them a quiz"
call GET "/courses/$course/lessons" "$student"
expect 200 '[.items[].kind] == ["text", "text", "text", "quiz"] and ([.items[].section_id] | unique | length) == 2'
lessons=$(get '.items[] | select(.kind == "text") | .id')

step "Tomás works through the lessons"
for lesson in $lessons; do
  call GET "/lessons/$lesson" "$student"
  expect 200 '.content_html | contains("<")'
  call PUT "/lessons/$lesson/progress" "$student" '{"progress_percent": 40}'
  expect 200 '.progress_percent == 40 and .completed == false'
  call PUT "/lessons/$lesson/progress" "$student" '{"progress_percent": 100, "completed": true}'
  expect 200 '.completed and .enrollment_status == "active"'
done

step "Three lessons of four are three quarters of the course"
call GET "/enrollments/$enrollment" "$student"
expect 200 '.status == "active" and .completed_lessons == 3 and .progress_percent == 75'

step "Tomás opens the quiz; the answers are not in it"
call GET "/courses/$course/quizzes" "$student"
expect 200 '.items | length == 1'
quiz=$(get '.items[0].id')
call POST "/quizzes/$quiz/attempts" "$student"
expect 201 '.status == "in_progress" and (.questions | length) == 4
            and ([.questions[] | .. | objects | has("correct") or has("accepted")] | any | not)'
attempt=$(get .id)

step "Tomás gets everything wrong and fails"
call POST "/attempts/$attempt/submit" "$student" "$(answers wrong)"
expect 200 '.status == "submitted" and .score == 0 and .passed == false'

step "Tomás tries again and passes with full marks"
call POST "/quizzes/$quiz/attempts" "$student"
expect 201 '.number == 2'
attempt=$(get .id)
call POST "/attempts/$attempt/submit" "$student" "$(answers right)"
expect 200 '.status == "submitted" and .percent == 100 and .passed == true'

step "That completes the course"
call GET "/enrollments/$enrollment" "$student"
expect 200 '.status == "completed" and .progress_percent == 100 and .completed_at != null'

step "A certificate is there"
call GET /certificates "$student"
expect 200 '.items | length == 1'
code=$(get '.items[0].code') number=$(get '.items[0].number')

step "A stranger verifies certificate $number"
call GET "/certificates/verify/$code"
expect 200 ".valid and .number == \"$number\" and (tostring | contains(\"Tomás Núñez\") and contains(\"@\") == false)"

step "Tomás exchanges his refresh token for new tokens"
call POST /auth/refresh "" "{\"refresh_token\": \"$refresh\"}"
expect 200 '.access_token != null and .refresh_token != null'
student=$(get .access_token)

step "The old refresh token comes again: refused, and the session it was stolen from is over"
call POST /auth/refresh "" "{\"refresh_token\": \"$refresh\"}"
expect 401 '.code == "token_reused"'
call GET /users/me "$student"
expect 401

step "Tomás logs in again, and out; his token is refused from then on"
login "tomas-$run@example.org" "a long and winding road"
call GET /users/me "$access"
expect 200 '.full_name == "Tomás Núñez"'
call POST /auth/logout "$access"
expect 204
call GET /users/me "$access"
expect 401

echo "A school day in $steps steps: a course was made and published, a student learned, failed, passed and was certified."
