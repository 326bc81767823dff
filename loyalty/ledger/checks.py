"""What must be true of the books, as statements that find the rows for which it is not."""

from __future__ import annotations

from loyalty.ledger.proof import Check, of_program

_ENTRY, _LOT, _WALLET, _TRANSACTION = "ledger_entry", "ledger_lot", "ledger_wallet", "ledger_transaction"

# --- Lots ---------------------------------------------------------------------------------------------------

LOT_REMAINING = Check(
    _LOT,
    f"""
    SELECT lot.id, format('holds %%s, but its entries make %%s', lot.remaining, coalesce(sums.amount, 0))
    FROM ledger_lot lot
    LEFT JOIN (
        SELECT lot_id, sum(amount) AS amount FROM ledger_entry WHERE lot_id IS NOT NULL GROUP BY lot_id
    ) sums ON sums.lot_id = lot.id
    WHERE lot.remaining <> coalesce(sums.amount, 0) AND {of_program("lot.program_id")}
""",
)

LOT_BOUNDS = Check(
    _LOT,
    f"""
    SELECT id, format('holds %%s of %%s', remaining, amount) FROM ledger_lot
    WHERE (remaining < 0 OR remaining > amount OR amount <= 0) AND {of_program("program_id")}
""",
)

# In a chain the row that breaks it is named, not those that only follow: they are wrong in sum, but right in step.
LOT_CHAIN = Check(
    _ENTRY,
    f"""
    SELECT id, format('says that its lot held %%s afterwards, but the entries so far make %%s', lot_after, running)
    FROM (
        SELECT id, lot_after, program_id, sum(amount) OVER so_far AS running,
            coalesce(lag(lot_after) OVER so_far, 0) + amount AS step
        FROM ledger_entry WHERE lot_id IS NOT NULL WINDOW so_far AS (PARTITION BY lot_id ORDER BY id)
    ) entry
    WHERE lot_after IS DISTINCT FROM running AND lot_after IS DISTINCT FROM step AND {of_program("program_id")}
""",
)

LOT_FIRST_ENTRY = Check(
    _LOT,
    f"""
    SELECT lot.id, format('is a credit of %%s, but its first entry says %%s', lot.amount, first.amount)
    FROM ledger_lot lot
    LEFT JOIN (
        SELECT DISTINCT ON (lot_id) lot_id, amount, transaction_id FROM ledger_entry
        WHERE lot_id IS NOT NULL ORDER BY lot_id, id
    ) first ON first.lot_id = lot.id
    WHERE (first.amount, first.transaction_id) IS DISTINCT FROM (lot.amount, lot.transaction_id)
        AND {of_program("lot.program_id")}
""",
)

LOT_OWNER = Check(
    _LOT,
    f"""
    SELECT lot.id, 'names another member or program than its wallet or its transaction'
    FROM ledger_lot lot
    LEFT JOIN ledger_wallet wallet ON wallet.id = lot.wallet_id
    LEFT JOIN ledger_transaction made ON made.id = lot.transaction_id
    WHERE ((lot.member_id, lot.program_id) IS DISTINCT FROM (wallet.member_id, wallet.program_id)
        OR (made.member_id, made.point_type_id) IS DISTINCT FROM (wallet.member_id, wallet.point_type_id))
        AND {of_program("lot.program_id")}
""",
)

LOT_EARNED = Check(
    _LOT,
    f"""
    SELECT lot.id, format('says that it was earned at %%s, which is not when', lot.earned_at)
    FROM ledger_lot lot
    LEFT JOIN ledger_lot origin ON origin.id = lot.origin_id
    LEFT JOIN ledger_transaction made ON made.id = lot.transaction_id
    WHERE lot.earned_at IS DISTINCT FROM CASE WHEN lot.origin_id IS NULL THEN made.occurred_at ELSE origin.earned_at END
        AND {of_program("lot.program_id")}
""",
)

LOT_DATES = Check(
    _ENTRY,
    f"""
    SELECT entry.id, format('took points at %%s from a lot valid from %%s until %%s',
        entry.occurred_at, lot.available_at, lot.expires_at)
    FROM ledger_entry entry
    JOIN ledger_transaction act ON act.id = entry.transaction_id
    JOIN ledger_lot lot ON lot.id = entry.lot_id
    WHERE act.kind IN ('redeem', 'transfer', 'adjust') AND entry.amount < 0
        AND (entry.occurred_at < lot.available_at OR entry.occurred_at >= lot.expires_at)
        AND {of_program("entry.program_id")}
""",
)

EXPIRED_TOO_EARLY = Check(
    _ENTRY,
    f"""
    SELECT entry.id, format('expired a lot at %%s that is valid until %%s', entry.occurred_at, lot.expires_at)
    FROM ledger_entry entry
    JOIN ledger_transaction act ON act.id = entry.transaction_id
    JOIN ledger_lot lot ON lot.id = entry.lot_id
    WHERE act.kind = 'expire' AND (lot.expires_at IS NULL OR entry.occurred_at <> lot.expires_at)
        AND {of_program("entry.program_id")}
""",
)

# Each extension goes on where the one before it ended, and the lot ends where the last one does.
LOT_EXTENSIONS = Check(
    "ledger_extension",
    f"""
    SELECT extension.id, format('moves the end of lot %%s from %%s to %%s, but then it is %%s',
        extension.lot_id, extension.expired_at, extension.expires_at, coalesce(extension.next, lot.expires_at))
    FROM (
        SELECT id, program_id, wallet_id, lot_id, transaction_id, expired_at, expires_at,
            lead(expired_at) OVER (PARTITION BY lot_id ORDER BY id) AS next
        FROM ledger_extension
    ) extension
    LEFT JOIN ledger_lot lot ON lot.id = extension.lot_id
    LEFT JOIN ledger_transaction act ON act.id = extension.transaction_id
    WHERE (extension.expires_at IS DISTINCT FROM coalesce(extension.next, lot.expires_at)
            OR extension.expires_at <= extension.expired_at
            OR extension.wallet_id IS DISTINCT FROM lot.wallet_id
            OR extension.program_id IS DISTINCT FROM lot.program_id
            OR act.member_id IS DISTINCT FROM lot.member_id)
        AND {of_program("extension.program_id")}
""",
)

# --- Wallets ------------------------------------------------------------------------------------------------

WALLET_ENTRIES = Check(
    _WALLET,
    f"""
    SELECT wallet.id, format('shows %%s, but its entries make %%s', wallet.balance, coalesce(sums.amount, 0))
    FROM ledger_wallet wallet
    LEFT JOIN (SELECT wallet_id, sum(amount) AS amount FROM ledger_entry GROUP BY wallet_id) sums
        ON sums.wallet_id = wallet.id
    WHERE wallet.balance <> coalesce(sums.amount, 0) AND {of_program("wallet.program_id")}
""",
)

WALLET_LOTS = Check(
    _WALLET,
    f"""
    SELECT wallet.id, format('shows %%s, but its lots hold %%s and its debt is %%s',
        wallet.balance, coalesce(sums.remaining, 0), wallet.debt)
    FROM ledger_wallet wallet
    LEFT JOIN (SELECT wallet_id, sum(remaining) AS remaining FROM ledger_lot GROUP BY wallet_id) sums
        ON sums.wallet_id = wallet.id
    WHERE wallet.balance <> coalesce(sums.remaining, 0) - wallet.debt AND {of_program("wallet.program_id")}
""",
)

WALLET_DEBT = Check(
    _WALLET,
    f"""
    SELECT wallet.id, format('shows a debt of %%s, but its entries make %%s', wallet.debt, coalesce(sums.debt, 0))
    FROM ledger_wallet wallet
    LEFT JOIN (SELECT wallet_id, -sum(amount) AS debt FROM ledger_entry WHERE lot_id IS NULL GROUP BY wallet_id) sums
        ON sums.wallet_id = wallet.id
    WHERE (wallet.debt <> coalesce(sums.debt, 0) OR wallet.debt < 0) AND {of_program("wallet.program_id")}
""",
)

WALLET_LIFETIME = Check(
    _WALLET,
    f"""
    SELECT wallet.id, format('shows %%s earned in its lifetime, but its transactions make %%s',
        wallet.lifetime, coalesce(sums.lifetime, 0))
    FROM ledger_wallet wallet
    LEFT JOIN (
        SELECT member_id, point_type_id, sum(CASE
            WHEN kind IN ('earn', 'correct') THEN amount
            WHEN kind = 'adjust' THEN CASE WHEN reverses_id IS NULL THEN greatest(amount, 0) ELSE 0 END
            ELSE amount - forgiven - already_expired END) AS lifetime
        FROM ledger_transaction WHERE kind IN ('earn', 'correct', 'adjust', 'reverse')
        GROUP BY member_id, point_type_id
    ) sums USING (member_id, point_type_id)
    WHERE wallet.lifetime <> coalesce(sums.lifetime, 0) AND {of_program("wallet.program_id")}
""",
)

WALLET_PROGRAM = Check(
    _WALLET,
    f"""
    SELECT wallet.id, 'belongs to another program than its member or its point type'
    FROM ledger_wallet wallet
    LEFT JOIN members_member member ON member.id = wallet.member_id
    LEFT JOIN programs_pointtype point_type ON point_type.id = wallet.point_type_id
    WHERE (member.program_id IS DISTINCT FROM wallet.program_id
        OR point_type.program_id IS DISTINCT FROM wallet.program_id) AND {of_program("wallet.program_id")}
""",
)

# --- Entries ------------------------------------------------------------------------------------------------

BALANCE_CHAIN = Check(
    _ENTRY,
    f"""
    SELECT id, format('says that the wallet held %%s afterwards, but the entries so far make %%s',
        balance_after, running)
    FROM (
        SELECT id, balance_after, program_id, sum(amount) OVER so_far AS running,
            coalesce(lag(balance_after) OVER so_far, 0) + amount AS step
        FROM ledger_entry WINDOW so_far AS (PARTITION BY wallet_id ORDER BY id)
    ) entry
    WHERE balance_after <> running AND balance_after <> step AND {of_program("program_id")}
""",
)

ENTRY_OWNER = Check(
    _ENTRY,
    f"""
    SELECT entry.id, 'names another member, program or time than its wallet or its transaction'
    FROM ledger_entry entry
    LEFT JOIN ledger_wallet wallet ON wallet.id = entry.wallet_id
    LEFT JOIN ledger_transaction act ON act.id = entry.transaction_id
    WHERE ((entry.member_id, entry.program_id) IS DISTINCT FROM (wallet.member_id, wallet.program_id)
        OR (act.member_id, act.program_id, act.point_type_id)
            IS DISTINCT FROM (wallet.member_id, wallet.program_id, wallet.point_type_id)
        OR entry.occurred_at IS DISTINCT FROM act.occurred_at)
        AND {of_program("entry.program_id")}
""",
)

ENTRY_LOT = Check(
    _ENTRY,
    f"""
    SELECT entry.id, 'moves a lot of another wallet'
    FROM ledger_entry entry
    LEFT JOIN ledger_lot lot ON lot.id = entry.lot_id
    WHERE entry.lot_id IS NOT NULL AND lot.wallet_id IS DISTINCT FROM entry.wallet_id
        AND {of_program("entry.program_id")}
""",
)

# --- Transactions -------------------------------------------------------------------------------------------

TRANSACTION_AMOUNT = Check(
    _TRANSACTION,
    f"""
    SELECT act.id, format('says %%s, but its entries make %%s', act.amount, coalesce(sums.amount, 0))
    FROM ledger_transaction act
    LEFT JOIN (SELECT transaction_id, sum(amount) AS amount FROM ledger_entry GROUP BY transaction_id) sums
        ON sums.transaction_id = act.id
    WHERE act.amount <> coalesce(sums.amount, 0) AND {of_program("act.program_id")}
""",
)

TRANSACTION_SIGN = Check(
    _TRANSACTION,
    f"""
    SELECT id, format('is of kind %%s with an amount of %%s', kind, amount) FROM ledger_transaction
    WHERE CASE
        WHEN kind IN ('earn', 'correct', 'refund') THEN amount <= 0
        WHEN kind IN ('redeem', 'expire') THEN amount >= 0
        WHEN kind = 'reverse' THEN amount > 0
        WHEN kind = 'activate' THEN amount <> 0
        ELSE false END AND {of_program("program_id")}
""",
)

REVERSAL_LIMIT = Check(
    _TRANSACTION,
    f"""
    SELECT original.id, format('was %%s, but %%s of it was reversed', original.amount, sums.asked)
    FROM ledger_transaction original
    JOIN (
        SELECT reverses_id, sum(forgiven + already_expired - amount) AS asked
        FROM ledger_transaction WHERE kind = 'reverse' AND reverses_id IS NOT NULL GROUP BY reverses_id
    ) sums ON sums.reverses_id = original.id
    WHERE sums.asked > abs(original.amount) AND {of_program("original.program_id")}
""",
)

REFUND_LIMIT = Check(
    _TRANSACTION,
    f"""
    SELECT original.id, format('took %%s, but %%s was given back', -original.amount, sums.given)
    FROM ledger_transaction original
    JOIN (
        SELECT reverses_id, sum(amount) AS given FROM ledger_transaction
        WHERE kind IN ('refund', 'adjust') AND reverses_id IS NOT NULL GROUP BY reverses_id
    ) sums ON sums.reverses_id = original.id
    WHERE sums.given > -original.amount AND {of_program("original.program_id")}
""",
)

# Given back into the lot itself, or, when it had lapsed, into a lot that was made in its place by the refund.
REFUND_LOTS = Check(
    _LOT,
    f"""
    SELECT given.lot_id, format('gave %%s to redemption %%s and got %%s back',
        coalesce(taken.amount, 0), given.redemption_id, given.amount)
    FROM (
        SELECT refund.reverses_id AS redemption_id, sum(entry.amount) AS amount,
            CASE WHEN lot.transaction_id = refund.id THEN lot.origin_id ELSE lot.id END AS lot_id
        FROM ledger_transaction refund
        JOIN ledger_entry entry ON entry.transaction_id = refund.id
        JOIN ledger_lot lot ON lot.id = entry.lot_id
        WHERE refund.kind = 'refund' AND {of_program("refund.program_id")}
        GROUP BY 1, 3
    ) given
    LEFT JOIN (
        SELECT transaction_id, lot_id, -sum(amount) AS amount FROM ledger_entry
        WHERE lot_id IS NOT NULL GROUP BY transaction_id, lot_id
    ) taken ON taken.transaction_id = given.redemption_id AND taken.lot_id = given.lot_id
    WHERE given.amount > coalesce(taken.amount, 0)
""",
)

UNDOES_ITS_OWN = Check(
    _TRANSACTION,
    f"""
    SELECT undo.id, format('undoes %%s, which is of another member, point type or kind', undo.reverses_id)
    FROM ledger_transaction undo
    LEFT JOIN ledger_transaction original ON original.id = undo.reverses_id
    WHERE undo.reverses_id IS NOT NULL
        AND ((original.member_id, original.point_type_id) IS DISTINCT FROM (undo.member_id, undo.point_type_id)
            OR undo.kind NOT IN ('reverse', 'refund', 'adjust')
            OR undo.kind = 'refund' AND original.kind <> 'redeem'
            OR undo.kind = 'adjust' AND (original.kind <> 'adjust' OR original.amount > 0 OR undo.amount < 0))
        AND {of_program("undo.program_id")}
""",
)

TRANSFER_PAIRS = Check(
    _TRANSACTION,
    f"""
    SELECT min(id::text), format('the sides of this transfer add up to %%s, not to nothing', sum(amount))
    FROM ledger_transaction
    WHERE kind = 'transfer' AND {of_program("program_id")}
    GROUP BY point_type_id, reference, recorded_at,
        least(member_id, counterpart_id), greatest(member_id, counterpart_id)
    HAVING sum(amount) <> 0 OR bool_or(counterpart_id IS NULL)
""",
)

ONE_EFFECT = Check(
    _TRANSACTION,
    f"""
    SELECT max(id::text), format('event %%s has %%s effects of kind %%s', event_id, count(*), kind)
    FROM ledger_transaction
    WHERE event_id IS NOT NULL AND {of_program("program_id")}
    GROUP BY event_id, kind, point_type_id, reverses_id HAVING count(*) > 1
""",
)

ADJUSTED_BY_SOMEONE = Check(
    _TRANSACTION,
    f"""
    SELECT id, 'is an adjustment without a reason or a name' FROM ledger_transaction
    WHERE kind = 'adjust' AND (reason_code = '' OR actor = '') AND {of_program("program_id")}
""",
)

LEDGER_CHECKS = {
    "lot_remaining": LOT_REMAINING,
    "lot_bounds": LOT_BOUNDS,
    "lot_chain": LOT_CHAIN,
    "lot_first_entry": LOT_FIRST_ENTRY,
    "lot_owner": LOT_OWNER,
    "lot_earned": LOT_EARNED,
    "lot_dates": LOT_DATES,
    "lot_extensions": LOT_EXTENSIONS,
    "expired_on_its_date": EXPIRED_TOO_EARLY,
    "wallet_entries": WALLET_ENTRIES,
    "wallet_lots": WALLET_LOTS,
    "wallet_debt": WALLET_DEBT,
    "wallet_lifetime": WALLET_LIFETIME,
    "wallet_program": WALLET_PROGRAM,
    "balance_chain": BALANCE_CHAIN,
    "entry_owner": ENTRY_OWNER,
    "entry_lot": ENTRY_LOT,
    "transaction_amount": TRANSACTION_AMOUNT,
    "transaction_sign": TRANSACTION_SIGN,
    "reversal_limit": REVERSAL_LIMIT,
    "refund_limit": REFUND_LIMIT,
    "refund_lots": REFUND_LOTS,
    "undoes_its_own": UNDOES_ITS_OWN,
    "transfer_pairs": TRANSFER_PAIRS,
    "one_effect_per_event": ONE_EFFECT,
    "adjusted_by_someone": ADJUSTED_BY_SOMEONE,
}
