#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/markdown.hpp"

using namespace lms;
using namespace std::string_literals;

namespace {

/// Judges HTML by a list of its own: nothing but the tags and attributes named here, every attribute in double quotes,
/// every address harmless. Shares no code with the renderer.
class Judge {
 public:
  explicit Judge(std::string_view html) : html_(html) {}

  /// What is wrong with it; empty if nothing is.
  std::string verdict() {
    while (at_ < html_.size() && fault_.empty()) {
      if (html_[at_] == '<')
        tag();
      else if (html_[at_] == '>' || html_[at_] == '"')
        return "a bare " + std::string(1, html_[at_]);
      else
        ++at_;
    }
    if (fault_.empty() && !open_.empty()) return "open: " + open_.back();
    return fault_;
  }

 private:
  static bool is_void(const std::string& name) {
    return name == "br" || name == "hr" || name == "img" || name == "input";
  }

  static bool is_allowed(const std::string& tag) {
    static const std::set<std::string> tags{"p",  "a",  "img",   "em", "strong", "del",   "code",  "pre", "blockquote",
                                            "ul", "ol", "li",    "br", "table",  "thead", "tbody", "tr",  "th",
                                            "td", "hr", "input", "h1", "h2",     "h3",    "h4",    "h5",  "h6"};
    return tags.count(tag) > 0;
  }

  static bool is_allowed(const std::string& tag, const std::string& attribute) {
    static const std::set<std::string> attributes{
        "a href",   "a rel",      "a title",  "img src",    "img alt",        "img title",    "th align",
        "td align", "code class", "ol start", "input type", "input disabled", "input checked"};
    return attributes.count(tag + ' ' + attribute) > 0;
  }

  std::string word() {
    std::string result;
    while (at_ < html_.size() && std::isalnum(static_cast<unsigned char>(html_[at_]))) result += html_[at_++];
    return result;
  }

  void tag() {
    ++at_;
    const bool closes = at_ < html_.size() && html_[at_] == '/';
    if (closes) ++at_;
    const std::string name = word();
    if (!is_allowed(name)) return blame("tag " + name);
    while (at_ < html_.size() && html_[at_] == ' ' && fault_.empty()) {
      ++at_;
      if (html_.substr(at_, 1) != "/") attribute(name);
    }
    if (!fault_.empty()) return;
    if (is_void(name) && html_.substr(at_, 1) == "/") ++at_;
    if (at_ >= html_.size() || html_[at_] != '>') return blame("unfinished tag " + name);
    ++at_;
    if (closes) {
      if (open_.empty() || open_.back() != name) return blame("closed " + name);
      open_.pop_back();
    } else if (!is_void(name)) {
      open_.push_back(name);
    }
  }

  void attribute(const std::string& tag) {
    const std::string name = word();
    if (!is_allowed(tag, name)) return blame("attribute " + tag + ' ' + name);
    if (html_.substr(at_, 2) != "=\"") return blame("unquoted " + name);
    at_ += 2;
    const std::size_t end = html_.find('"', at_);
    if (end == std::string_view::npos) return blame("open quote in " + name);
    const std::string_view value = html_.substr(at_, end - at_);
    at_ = end + 1;
    if (value.find_first_of("<>") != std::string_view::npos) return blame("angle bracket in " + name);
    if (name == "href" || name == "src") address(value);
    if (name == "rel" && value != "nofollow noopener") return blame("rel");
  }

  /// The renderer percent-encodes whatever could be an entity's beginning but for &amp;.
  void address(std::string_view value) {
    std::string seen;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '&' && value.substr(i, 5) != "&amp;") return blame("entity in an address");
      const auto byte = static_cast<unsigned char>(value[i]);
      if (byte <= ' ' || byte >= 0x7F) return blame("raw byte in an address");
      seen += static_cast<char>(std::tolower(byte));
    }
    const std::size_t mark = seen.find_first_of(":/?#");
    if (mark == std::string::npos || seen[mark] != ':') return;
    const std::string scheme = seen.substr(0, mark);
    if (scheme != "http" && scheme != "https" && scheme != "mailto") blame("scheme " + scheme);
  }

  void blame(std::string what) { fault_ = std::move(what); }

  std::string_view html_;
  std::size_t at_ = 0;
  std::string fault_;
  std::vector<std::string> open_;
};

std::string verdict(std::string_view html) {
  return Judge(html).verdict();
}

}  // namespace

TEST_CASE("the judge of these tests convicts") {
  for (const char* html : {"<script>alert(1)</script>", "<p onclick=\"x\">a</p>", "<a href=\"javascript:x\">a</a>",
                           "<a href='x'>a</a>", "<a href=\"JavaScript:x\">a</a>", "<a href=\"&#106;avascript:x\">a</a>",
                           "<img src=\"data:x\" alt=\"\">", "<img src=\"x\" onerror=\"y\">", "<p>a", "a</p>",
                           "<p>a > b</p>", "<svg></svg>", "<a href=\"java\nscript:x\">a</a>", "<td style=\"x\"></td>",
                           "<p", "<em><p></em></p>", "<img src=\"x\" alt=\"<b>\">", "<a href=\"x\" rel=\"\">a</a>"}) {
    CAPTURE(html);
    CHECK(!verdict(html).empty());
  }
  CHECK(verdict("<p>a &lt; <a href=\"http://x/?a=1&amp;b\" rel=\"nofollow noopener\">b</a><br></p>").empty());
}

TEST_CASE("nothing that can be executed comes out of an attack") {
  const std::vector<std::string> attacks{
      "<script>alert(1)</script>",
      "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
      "<img src=x onerror=alert(1)>",
      "<svg onload=alert(1)>",
      "<svg><script>alert(1)</script></svg>",
      "<iframe src=javascript:alert(1)></iframe>",
      "<a href=\"javascript:alert(1)\">x</a>",
      "<body onload=alert(1)>",
      "<details open ontoggle=alert(1)>",
      "<math><mtext></p><style><img src=x onerror=alert(1)>",
      "<!--<img src=\"--><img src=x onerror=alert(1)//\">",
      "<![CDATA[<script>alert(1)</script>]]>",
      "<?php echo 1 ?><script>",
      "<div\n\nonclick=alert(1)>",
      "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
      "[x](javascript:alert(1))",
      "[x](JaVaScRiPt:alert(1))",
      "[x]( javascript:alert(1))",
      "[x](<javascript:alert(1)>)",
      "[x](< javascript:alert(1)>)",
      "[x](<java\tscript:alert(1)>)",
      "[x](&#x6A;avascript:alert(1))",
      "[x](&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1))",
      "[x](java&#x0A;script:alert(1))",
      "[x](java&#x09;script:alert(1))",
      "[x](java&#13;script:alert(1))",
      "[x](&#1;javascript:alert(1))",
      "[x](&#32;javascript:alert(1))",
      "[x](&#x7f;javascript:alert(1))",
      "[x](javascript&#x3A;alert(1))",
      "[x](javascript&#58;alert(1))",
      "[x](javascript&colon;alert(1))",
      "[x](java&Tab;script:alert(1))",
      "[x](java&NewLine;script:alert(1))",
      "[x](javascript\\:alert(1))",
      "[x](java\\script:alert(1))",
      "[x](\\javascript:alert(1))",
      "[x](vbscript:msgbox(1))",
      "[x](data:text/html;base64,PHNjcmlwdD4=)",
      "[x](data&#58;text/html,<script>)",
      "[x](file:///etc/passwd)",
      "[x](blob:https://a/b)",
      "[x](view-source:javascript:alert(1))",
      "[x](feed:javascript:alert(1))",
      "[x](jar:http://a!/b)",
      "[x](:javascript:alert(1))",
      "[x](\x01javascript:alert(1))",
      "[x](java\xC2\xADscript:alert(1))",
      "[x](\xE2\x80\x8Bjavascript:alert(1))",
      "[x](http://a\"onmouseover=\"alert(1))",
      "[x](http://a&quot;onmouseover=&quot;alert(1))",
      "[x](http://a&#34;onmouseover=&#34;alert(1))",
      "[x](http://a'onmouseover='alert(1))",
      "[x](http://a \"\\\" onmouseover=alert(1) x=\\\"\")",
      "[x](http://a 'title\" onmouseover=\"alert(1)')",
      "[x](http://a \"&quot; onmouseover=&quot;alert(1)\")",
      "[x](http://a \"<script>alert(1)</script>\")",
      "[x][1]\n\n[1]: javascript:alert(1)",
      "[x][1]\n\n[1]: <java&#10;script:alert(1)> \"t\"",
      "[javascript:alert(1)]\n\n[javascript:alert(1)]: javascript:alert(1)",
      "![x](javascript:alert(1))",
      "![x](data:image/svg+xml;base64,PHN2Zz4=)",
      "![x\" onerror=\"alert(1)](http://a)",
      "![x&quot; onerror=&quot;alert(1)](http://a)",
      "![<script>alert(1)</script>](http://a)",
      "![a ![b\" onerror=\"alert(1)](http://c) d](http://e)",
      "![a](http://b \"\\\" onerror=alert(1)\")",
      "![a `code\" onerror=` **b** [c](http://d) \n e](http://f)",
      "![a\\\nb](mailto:x@y)",
      "[![x](javascript:alert(1))](javascript:alert(1))",
      "[![x](http://a)](javascript:alert(1))",
      "[![x](javascript:alert(1))](http://a)",
      "<javascript:alert(1)>",
      "<data:text/html,alert(1)>",
      "<JAVASCRIPT:alert(1)>",
      "<http://a\"onclick=\"alert(1)>",
      "<x@y.z\"onclick=alert(1)>",
      "http://a.example/\"onmouseover=\"alert(1)",
      "http://a.example/<script>alert(1)</script>",
      "www.a.example/\"><script>alert(1)</script>",
      "```\"onclick=\"alert(1)\ncode\n```",
      "```\"><script>alert(1)</script>\ncode\n```",
      "```&quot;onclick=&quot;alert(1)\n</code></pre><script>\n```",
      "~~~ <script>\nx\n~~~",
      "    <script>alert(1)</script>",
      "`<script>alert(1)</script>`",
      "# <script>alert(1)</script>",
      "> <img src=x onerror=alert(1)>",
      "- <img src=x onerror=alert(1)>",
      "|<script>|[x](javascript:a)|\n|---|---|\n|<svg onload=x>|`\"`|",
      "&lt;script&gt;alert(1)&lt;/script&gt;",
      "&#60;script&#62;alert(1)&#60;/script&#62;",
      "\\<script>alert(1)\\</script>",
      "**<script>**alert(1)~~</script>~~",
      "a\0<script>\0[x](java\0script:alert(1))"s,
      "<scr<script>ipt>alert(1)</scr</script>ipt>",
      "\xff<script>\xc0\xbcscript>",
  };
  CHECK(attacks.size() >= 90);
  for (const std::string& attack : attacks) {
    const std::string html = markdown_to_html(attack);
    CAPTURE(attack);
    CAPTURE(html);
    CHECK(verdict(html) == "");
  }
}

TEST_CASE("pairs of attacks do not help each other") {
  const std::array<std::string, 16> pieces{"<", ">",      "\"",     "'",           "`",  "[", "](", ")",
                                           "!", "&quot;", "&#106;", "javascript:", "\n", "|", "\\", "http://a "};
  std::size_t checked = 0;
  for (const auto& a : pieces)
    for (const auto& b : pieces)
      for (const auto& c : pieces)
        for (const auto& d : pieces) {
          const std::string text = "![[x" + a + b + "y](" + c + d + "z](q)" + b + d;
          const std::string fault = verdict(markdown_to_html(text));
          if (!fault.empty()) FAIL_CHECK(text << " -> " << fault);
          ++checked;
        }
  CHECK(checked == 65536);
}

TEST_CASE("refused links keep their words, refused images their description") {
  CHECK(markdown_to_html("[the **words**](javascript:x)") == "<p>the <strong>words</strong></p>\n");
  CHECK(markdown_to_html("![a *cat*](data:x)") == "<p>a <em>cat</em></p>\n");
  CHECK(markdown_to_html("![mail](mailto:a@b.example)") == "<p>mail</p>\n");
}

TEST_CASE("good links are kept, marked as none of ours") {
  const auto href = [](const std::string& text) {
    const std::string html = markdown_to_html(text);
    const std::size_t begin = html.find("href=\"");
    if (begin == std::string::npos) return std::string("none");
    CHECK(html.find("<a rel=\"nofollow noopener\" href=") != std::string::npos);
    return html.substr(begin + 6, html.find('"', begin + 6) - begin - 6);
  };
  CHECK(href("[a](https://example.org/x?a=1&b=2#c)") == "https://example.org/x?a=1&amp;b=2#c");
  CHECK(href("[a](HTTP://EXAMPLE.ORG)") == "HTTP://EXAMPLE.ORG");
  CHECK(href("[a](/courses/1)") == "/courses/1");
  CHECK(href("[a](lesson-2)") == "lesson-2");
  CHECK(href("[a](?page=2:3)") == "?page=2:3");
  CHECK(href("[a](#part)") == "#part");
  CHECK(href("[a](./12:30)") == "./12:30");
  CHECK(href("[a](mailto:ada@example.org)") == "mailto:ada@example.org");
  CHECK(href("<https://example.org>") == "https://example.org");
  CHECK(href("<ada@example.org>") == "mailto:ada@example.org");
  CHECK(href("see https://example.org.") == "none");
  CHECK(href("[a](https://example.org/ü%20x&amp;y)") == "https://example.org/%C3%BC%20x&amp;y");
  CHECK(href("[a](12:30)") == "none");
}

TEST_CASE("Markdown becomes the HTML one expects") {
  const std::pair<const char*, const char*> examples[] = {
      {"", ""},
      {"# One\n\nTwo *three* **four** `five<`",
       "<h1>One</h1>\n<p>Two <em>three</em> <strong>four</strong> <code>five&lt;</code></p>\n"},
      {"a  \nb\nc", "<p>a<br />\nb\nc</p>\n"},
      {"- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"},
      {"3. a\n4. b", "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>\n"},
      {"1. a", "<ol>\n<li>a</li>\n</ol>\n"},
      {"- [x] a\n- [ ] b",
       "<ul>\n<li><input type=\"checkbox\" checked=\"\" disabled=\"\" /> a</li>\n<li><input type=\"checkbox\" "
       "disabled=\"\" /> "
       "b</li>\n</ul>\n"},
      {"> a\n\n---", "<blockquote>\n<p>a</p>\n</blockquote>\n<hr />\n"},
      {"```sql\nSELECT 1 < 2;\n```", "<pre><code class=\"language-sql\">SELECT 1 &lt; 2;\n</code></pre>\n"},
      {"~~a~~ &auml; &amp; & \"q\"", "<p><del>a</del> ä &amp; &amp; &quot;q&quot;</p>\n"},
      {"|a|b|c|\n|:--|:-:|--:|\n|1|2|3|",
       "<table>\n<thead>\n<tr>\n<th align=\"left\">a</th>\n<th align=\"center\">b</th>\n<th "
       "align=\"right\">c</th>\n</tr>\n</thead>\n"
       "<tbody>\n<tr>\n<td align=\"left\">1</td>\n<td align=\"center\">2</td>\n<td "
       "align=\"right\">3</td>\n</tr>\n</tbody>\n</table>\n"},
      {"![a *b*](/c.png \"d\")", "<p><img src=\"/c.png\" alt=\"a b\" title=\"d\" /></p>\n"},
      {"|a|\n|-|\n|[b](/c)<i>[d](data:e)|",
       "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td><a rel=\"nofollow noopener\" "
       "href=\"/c\">b</a>&lt;i&gt;d</td>\n</tr>\n</tbody>\n</table>\n"},
      {"<div>\na & b\n</div>", "<p>&lt;div&gt;\na &amp; b\n&lt;/div&gt;\n</p>\n"},
      {"数据库 **入门**", "<p>数据库 <strong>入门</strong></p>\n"},
  };
  for (const auto& example : examples) {
    const std::string markdown = example.first;
    const std::string html = example.second;
    CAPTURE(markdown);
    CHECK(markdown_to_html(markdown) == html);
    CHECK(verdict(html) == "");
  }
}

TEST_CASE("a text built to explode is shown as it is") {
  std::string table = "|";
  for (int i = 0; i < 100; ++i) table += "a|";
  table += "\n|";
  for (int i = 0; i < 100; ++i) table += "---|";
  for (int i = 0; i < 4000; ++i) table += "\n|<";  // every row would be filled up with 100 cells

  std::string references = "[a]: /" + std::string(50'000, 'u') + "\n\n";
  for (int i = 0; i < 10'000; ++i) references += "[a]";

  std::string images;
  for (int i = 0; i < 10'000; ++i) images += "![[]()";

  std::string spaced_bullets;
  for (int i = 0; i < 300; ++i) spaced_bullets += "- ";

  std::string instructions;
  for (int i = 0; i < 2'000; ++i) instructions += "a<?";

  for (const std::string& text : {table, references, images, instructions, std::string(300, '>'), spaced_bullets}) {
    const std::string html = markdown_to_html(text);
    CHECK(html.starts_with("<pre>"));
    CHECK(html.size() < 5 * text.size());
    CHECK(verdict(html) == "");
  }
}

TEST_CASE("a long honest text is formatted") {
  std::string text = "| a | b | c | d |\n|---|---|---|---|\n";
  for (int i = 0; i < 2000; ++i) text += "| 1 | 2 | 3 | 4 |\n";
  for (int i = 0; i < 200; ++i) text += "\nSee [this][" + std::to_string(i) + "] and ![that](/p.png).\n";
  text += '\n';
  for (int i = 0; i < 200; ++i) text += '[' + std::to_string(i) + "]: https://example.org/a/longer/address\n";
  const std::string html = markdown_to_html(text);
  CHECK(html.starts_with("<table>"));
  CHECK(html.find("<a rel=\"nofollow noopener\" href=\"https://example.org/a/longer/address\">") != std::string::npos);
  CHECK(verdict(html) == "");
}

TEST_CASE("what stands in memory behind the text is never shown") {
  for (const std::string text : {"5", "-", "[a", "`", "![[x](y]([)z", "{\"a![[xxx](y]([)z\":[0,2.5,n",
                                 "![[x](y]([)zc[x](y](][)z[[x](y](](q)]().5{\"~a", "|a|\n|---", "- [x", "<a", "&am",
                                 "[a]: <b", "\xA9##r[](r[](", "```a"}) {
    const std::string memory = text + "0123456789 SECRET &amp; `SECRET` [SECRET](SECRET)";
    const std::string html = markdown_to_html(std::string_view(memory).substr(0, text.size()));
    CAPTURE(text);
    CHECK(html.find("SECRET") == std::string::npos);
    CHECK(html.find("0123") == std::string::npos);
    CHECK(html == markdown_to_html(text));
    CHECK(verdict(html) == "");
  }
}

TEST_CASE("deep and endless structures are answered in time") {
  for (const std::string piece : {"[", "![", ">", "*a ", "- ", "`", "<", "&", "[a](", "_", "www.a.b ", "| "}) {
    std::string text;
    while (text.size() < 50'000) text += piece;
    CAPTURE(piece);
    CHECK(verdict(markdown_to_html(text)) == "");
  }
}
