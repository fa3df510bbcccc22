// Rules for single values that a type and a range cannot express. Each returns what is wrong, or nothing.
#pragma once

#include <string>

#include "service/config_option.hpp"

namespace berth::service::rules {

std::string device_name(const Typed& value);      // [A-Za-z0-9_.:-]{1,128}, not "site"; or empty
std::string broker_url(const Typed& value);       // scheme://host[:port][/path] without a login
std::string client_id(const Typed& value);        // up to 128 printable characters
std::string topic_level(const Typed& value);      // [A-Za-z0-9_.:-]{1,64}
std::string directory(const Typed& value);        // an absolute path
std::string prometheus_file(const Typed& value);  // an absolute path that ends in .prom, or empty
std::string engine(const Typed& value);           // containerd is not built yet
std::string socket(const Typed& value);           // an absolute path, or empty
std::string label(const Typed& value);            // [A-Za-z0-9_.-]{1,64}
std::string api_version(const Typed& value);      // auto, or 1.41 and up
std::string interface_name(const Typed& value);   // 1 to 15 characters, fit for a path of /proc

bool is_tls(const std::string& url);

}  // namespace berth::service::rules
