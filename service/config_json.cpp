// JSON into settings, with the line of each. nlohmann/json ends here; it knows no lines, so the text is fed
// to it through an iterator that counts them.
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <limits>

#include <nlohmann/json.hpp>

#include "service/config_value.hpp"

namespace berth::service {

namespace {

using nlohmann::json;

class CountingIterator {
 public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    CountingIterator(const char* at, int* line) : at_(at), line_(line) {}
    reference operator*() const { return *at_; }
    CountingIterator& operator++() {
        if (*at_ == '\n') ++*line_;
        ++at_;
        return *this;
    }
    CountingIterator operator++(int) {
        const auto before = *this;
        ++*this;
        return before;
    }
    bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
    bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
    const char* at_;
    int* line_;
};

// Collects a setting per scalar and per list of scalars. Null is as if absent.
class JsonFlattener : public nlohmann::json_sax<json> {
 public:
    JsonFlattener(std::string file, const int& line, Settings& settings, Problems& problems)
        : file_(std::move(file)), line_(line), settings_(settings), problems_(problems) {}

    bool null() override {
        return scalar_in_list_or([] {}, Unfit{"a list with null in it"});
    }
    bool boolean(bool value) override { return scalar(value); }
    bool number_integer(std::int64_t value) override { return scalar(value); }
    bool number_unsigned(std::uint64_t value) override {
        if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            return scalar(static_cast<double>(value));
        return scalar(static_cast<std::int64_t>(value));
    }
    bool number_float(double value, const std::string&) override { return scalar(value); }
    bool string(std::string& value) override { return scalar(value); }
    bool binary(json::binary_t&) override { return true; }  // never in text

    bool start_object(std::size_t) override {
        enter_element();
        levels_.push_back({.line = line_});
        return true;
    }
    bool key(std::string& name) override {
        if (levels_.back().named) path_.pop_back();
        levels_.back().named = true;
        levels_.back().line = line_;  // not later: behind a number the parser has looked one character ahead
        path_.push_back(name);
        return true;
    }
    bool end_object() override {
        if (levels_.back().named) path_.pop_back();
        levels_.pop_back();
        leave_element();
        return true;
    }

    bool start_array(std::size_t) override {
        if (levels_.empty()) return not_an_object();
        const int line = levels_.back().line;
        enter_element();
        levels_.push_back({.list = true, .line = line});
        return true;
    }
    bool end_array() override {
        const auto level = levels_.back();
        levels_.pop_back();
        if (!level.unfit.empty())
            add(Unfit{level.unfit}, level.line);
        else if (level.elements == 0)
            add(level.items, level.line);
        leave_element();
        return true;
    }

    bool parse_error(std::size_t, const std::string&, const json::exception& error) override {
        const std::string text = error.what();
        const auto start = text.find("; ");  // behind "[json.exception…] parse error at line 1, column 2: …"
        problems_.push_back(
            {Severity::Error,
             {file_, line_},
             "JSON",
             start == std::string::npos ? text.substr(text.find(' ') + 1) : text.substr(start + 2)});
        return false;
    }

 private:
    struct Level {
        bool list{};
        int line{};                        // of the latest key, or where the list began
        bool named{};                      // an object: its latest key is the last level of the path
        std::size_t elements{};            // a list: tables so far
        std::vector<std::string> items{};  // a list: texts so far
        std::string unfit{};
    };

    bool not_an_object() {
        problems_.push_back({Severity::Error, {file_, line_}, "JSON", "the file must hold an object"});
        return false;
    }

    void add(Value value, int line) { settings_.push_back({path_, std::move(value), {file_, line}, false}); }

    template <class Otherwise>
    bool scalar_in_list_or(Otherwise otherwise, Value value) {
        if (levels_.empty()) return not_an_object();
        auto& level = levels_.back();
        if (!level.list)
            otherwise();
        else if (auto* text = std::get_if<std::string>(&value))
            level.items.push_back(std::move(*text));
        else
            level.unfit = "a list that holds other things than strings";
        return true;
    }

    bool scalar(Value value) {
        return scalar_in_list_or([&] { add(value, levels_.back().line); }, value);
    }

    void enter_element() {
        if (!levels_.empty() && levels_.back().list)
            path_.push_back(std::to_string(levels_.back().elements++));
    }
    void leave_element() {
        if (!levels_.empty() && levels_.back().list) path_.pop_back();
    }

    std::string file_;
    const int& line_;
    Settings& settings_;
    Problems& problems_;
    std::vector<Level> levels_;
    Path path_;
};

}  // namespace

Settings read_json(const std::string& text, const std::string& file, Problems& problems) {
    Settings settings;
    int line = 1;
    JsonFlattener flattener(file, line, settings, problems);
    const char* start = text.data();
    const bool good = json::sax_parse(CountingIterator{start, &line},
                                      CountingIterator{start + text.size(), &line}, &flattener);
    if (!good) settings.clear();
    return settings;
}

}  // namespace berth::service
