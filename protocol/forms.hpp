// The compact text forms of devices, mounts and ports, both ways.
#pragma once

#include <string>
#include <string_view>

#include "protocol/container.hpp"
#include "protocol/result.hpp"

namespace berth {

Result<Device> parse_device(std::string_view text);  // <host>:<container>[:<perms>]
Result<Mount> parse_mount(std::string_view text);    // <source>:<destination>[:<mode>]
Result<Port> parse_port(std::string_view text);      // [<ip>:]<host>[-<end>]:<container>[/<proto>]

std::string format(const Device& device);
std::string format(const Mount& mount);
std::string format(const Port& port);  // ip left out if 0.0.0.0, end if equal to the start

// The words and addresses the forms are made of, for those who check a model that came another way.
bool is_ipv4(std::string_view text);
bool is_ip(std::string_view text);           // v4 or v6
bool is_permissions(std::string_view text);  // one to three of r, w, m
bool is_protocol(std::string_view text);     // tcp udp sctp

// Names its registry and a tag or digest: "ghcr.io/acme/app:1", not "busybox:1" or "acme/app".
bool is_qualified_image(std::string_view reference);

// "127.0.0.1:5000/app:1" -> "127.0.0.1:5000"; "busybox", "library/busybox" -> "docker.io".
std::string registry_of(std::string_view reference);

}  // namespace berth
