#pragma once
#include <libpq-fe.h>

// PG_DIAG_SQLSTATE is a character literal, which Swift does not import.
static const int PG_DIAG_SQLSTATE_FIELD = PG_DIAG_SQLSTATE;
