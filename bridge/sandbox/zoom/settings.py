"""Settings of a meeting: what they are when nobody says, and which overrule others."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.sandbox.faults import Faults
from bridge.sandbox.world import Json

DEFAULTS: Mapping[str, object] = {
    "host_video": False,
    "participant_video": False,
    "cn_meeting": False,
    "in_meeting": False,
    "join_before_host": False,
    "jbh_time": 0,
    "mute_upon_entry": False,
    "watermark": False,
    "use_pmi": False,
    "approval_type": 2,
    "audio": "both",
    "auto_recording": "none",
    "enforce_login": False,
    "enforce_login_domains": "",
    "alternative_hosts": "",
    "alternative_hosts_email_notification": True,
    "close_registration": False,
    "show_share_button": False,
    "allow_multiple_devices": False,
    "registrants_confirmation_email": True,
    "registrants_email_notification": True,
    "waiting_room": False,
    "meeting_authentication": False,
    "encryption_type": "enhanced_encryption",
}
"""What an account has that nobody set up; its owner's own defaults come over them."""


def ruled(settings: Json, faults: Faults, *, is_licensed: bool) -> Json:
    """Apply what Zoom decides by itself, and says in no answer but the meeting."""
    made = dict(settings)
    if faults.is_on("waiting_room_locked"):
        made["waiting_room"] = True
    if made["waiting_room"]:
        # "If Waiting Room is enabled, the join before host setting is disabled."
        made["join_before_host"] = False
    if made["auto_recording"] == "cloud" and not is_licensed:
        made["auto_recording"] = "none"
    return made
