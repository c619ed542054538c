// The same in C++: handles free themselves, failures are exceptions.
//
//     ./raii OPTIONS TARGETS COMMAND
#include <pabawi.h>

#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

struct Free {
    void operator()(pabawi_config *handle) const noexcept { pabawi_config_free(handle); }
    void operator()(pabawi_engine *handle) const noexcept { pabawi_engine_free(handle); }
    void operator()(pabawi_session *handle) const noexcept { pabawi_session_free(handle); }
    void operator()(pabawi_error *handle) const noexcept { pabawi_error_free(handle); }
};

template <typename T> using Owned = std::unique_ptr<T, Free>;

class Failure : public std::runtime_error {
public:
    Failure(pabawi_status status, const pabawi_error *error)
        : std::runtime_error(pabawi_error_message(error)), status_(status) {}
    [[nodiscard]] pabawi_status status() const noexcept { return status_; }

private:
    pabawi_status status_;
};

// Makes a call whose last argument is the place for the error.
template <typename Call> void check(Call call)
{
    pabawi_error *raw = nullptr;
    const pabawi_status status = call(&raw);
    const Owned<pabawi_error> error(raw);
    if (status != PABAWI_OK) {
        throw Failure(status, error.get());
    }
}

// Makes a handle.
template <typename T, typename Call> Owned<T> made(Call call)
{
    T *raw = nullptr;
    check([&](pabawi_error **error) { return call(&raw, error); });
    return Owned<T>(raw);
}

class Framework {
public:
    Framework(std::string_view options, std::string_view user)
    {
        const auto config = made<pabawi_config>(
            [&](auto **out, auto **error) { return pabawi_config_new(options.data(), options.size(), out, error); });
        engine_ = made<pabawi_engine>(
            [&](auto **out, auto **error) { return pabawi_engine_new(config.get(), out, error); });
        session_ = made<pabawi_session>([&](auto **out, auto **error) {
            return pabawi_session_new(engine_.get(), user.data(), user.size(), out, error);
        });
    }

    // Any call by its name.
    [[nodiscard]] std::string call(std::string_view name, std::string_view with) const
    {
        pabawi_bytes answer{};
        check([&](pabawi_error **error) {
            return pabawi_call(session_.get(), name.data(), name.size(), with.data(), with.size(), &answer, error);
        });
        return taken(answer);
    }

    [[nodiscard]] std::string execute(std::string_view request) const
    {
        pabawi_bytes outcome{};
        check([&](pabawi_error **error) {
            return pabawi_execute(session_.get(), request.data(), request.size(), &outcome, error);
        });
        return taken(outcome);
    }

private:
    static std::string taken(pabawi_bytes &bytes)
    {
        std::string text(bytes.data, bytes.len);
        pabawi_bytes_free(&bytes);
        return text;
    }

    Owned<pabawi_engine> engine_;
    Owned<pabawi_session> session_;
};

std::string quoted(std::string_view text)
{
    std::ostringstream out;
    out << '"';
    for (const char letter : text) {
        if (letter == '"' || letter == '\\') {
            out << '\\';
        }
        out << letter;
    }
    out << '"';
    return out.str();
}

} // namespace

int main(int count, char **arguments)
{
    if (count != 4) {
        std::cerr << "usage: " << arguments[0] << " OPTIONS TARGETS COMMAND\n";
        return 2;
    }
    try {
        const Framework framework(arguments[1], "ops");
        const std::string outcome = framework.execute(
            "{\"action\":{\"type\":\"command\",\"command\":" + quoted(arguments[3]) + "},\"targets\":" +
            quoted(arguments[2]) + "}");
        std::cout << outcome << '\n';
        std::cout << framework.call("totals", "{}") << '\n';
        return outcome.find("\"status\":\"completed\"") != std::string::npos ? 0 : 1;
    } catch (const Failure &failure) {
        std::cerr << pabawi_status_name(failure.status()) << ": " << failure.what() << '\n';
        return 1;
    }
}
