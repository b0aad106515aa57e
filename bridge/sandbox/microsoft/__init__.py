"""A stand-in for Microsoft Entra ID and the calendars of Microsoft Graph v1.0."""
