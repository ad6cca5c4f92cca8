# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title SettlementVault: holds the stablecoins of a venue, and settles its netted trades
@license Apache-2.0
@notice
    Operator-trusted, accounted on chain. The operator says who gains and who gives; the vault sees to
    it that each token's changes sum to zero, that no balance falls below zero, that batches come once
    and in order, and that whoever holds a balance can leave with it without the operator.
    No call of the operator moves a token: only `withdraw` does, by the holder, after the delay.
@dev
    Accounts are the venue's numbers (u32), tokens its currencies' indexes (`tid`, at most 255), and
    amounts its units: a token's amount is units x 10^(token decimals - unit decimals).

    Four balances of one account share a word, the lowest tid first; `key = (tid / 4) << 32 | account`
    names the word. A lane is 64 bits, its top bit always 0:

        balances[key] =  | 0 tid 4g | 0 tid 4g+1 | 0 tid 4g+2 | 0 tid 4g+3 |

    A batch's deltas are 37 bytes each: the key (u40), then four lanes of two's complement int64, all
    big-endian, in strictly ascending order of key. One addition moves all four lanes: with the top
    bits masked out no lane can carry into its neighbour, and put back by exclusive-or they make each
    lane the exact sum modulo 2^64. A balance lies in [0, 2^63) and a delta in [-2^63, 2^63), so a
    lane's top bit comes out set exactly when its sum is below zero or above 2^63 - 1.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

event Settled:
    batch_id: indexed(uint64)
    last_sequence: uint64
    n_trades: uint64
    head: bytes32
    trades_root: bytes32
    journal_hash: bytes32

event Deposited:
    account: indexed(uint256)
    tid: indexed(uint256)
    units: uint256
    by: address

event WithdrawalRequested:
    account: indexed(uint256)
    tid: indexed(uint256)
    units: uint256
    ready_at: uint256

event WithdrawalReduced:
    account: indexed(uint256)
    tid: indexed(uint256)
    units: uint256

event WithdrawalCancelled:
    account: indexed(uint256)
    tid: indexed(uint256)
    units: uint256

event Withdrawn:
    account: indexed(uint256)
    tid: indexed(uint256)
    units: uint256
    to: address

event Registered:
    account: indexed(uint256)
    who: indexed(address)

event AccountSet:
    account: indexed(uint256)
    kyc_until: uint256
    frozen: bool

event TokenListed:
    tid: indexed(uint256)
    token: indexed(address)
    unit_decimals: uint256
    scale: uint256

event RoleOffered:
    role: indexed(uint256)
    who: indexed(address)

event RoleTaken:
    role: indexed(uint256)
    who: indexed(address)

event PausedSet:
    paused: bool

event OperatorSeen:
    at: uint256

event Frozen:
    by: indexed(address)

# The names of the roles, as `set_role` and `role` take them.
OWNER: constant(uint256) = 0
OPERATOR: constant(uint256) = 1
GUARDIAN: constant(uint256) = 2
REGISTRAR: constant(uint256) = 3
ROLES: constant(uint256) = 4

TOKENS_MAX: constant(uint256) = 256
ACCOUNTS: constant(uint256) = 2**32
CUSTODY_ACCOUNT: constant(uint256) = 1  # the venue's mirror of all others; it never appears on chain
UNITS_MAX: constant(uint256) = 2**63 - 1
DELAY_S_MAX: constant(uint256) = 30 * 86400
SILENCE_S_MAX: constant(uint256) = 90 * 86400

DELTA_BYTES: constant(uint256) = 37
DELTAS_MAX: constant(uint256) = 768  # room for more would cost every batch gas
GROUPS: constant(uint256) = 64  # of four tokens
KEYS: constant(uint256) = GROUPS * ACCOUNTS
# One in each lane, the lanes' top bits, what is below those, and every second lane, which leaves room to add up.
ONES: constant(uint256) = 2**192 + 2**128 + 2**64 + 1
TOPS: constant(uint256) = ONES * 2**63
BELOW: constant(uint256) = ONES * (2**63 - 1)
EVERY_SECOND: constant(uint256) = (2**128 + 1) * (2**64 - 1)
BIAS: constant(uint256) = (2**128 + 1) * 2**63
LANE: constant(uint256) = 2**64 - 1

# Where the parts of `_state` begin; one word, so that a settlement reads and writes it once.
BATCH_AT: constant(uint256) = 192  # u64: the last batch
SEQUENCE_AT: constant(uint256) = 128  # u64: the last command of the journal that it covers
SEEN_AT: constant(uint256) = 80  # u48: when the operator last settled or called, in seconds
FROZEN_AT: constant(uint256) = 32  # u48: when the vault was frozen; 0: it is not
TOKENS_AT: constant(uint256) = 8  # u16: how many tokens are listed
PAUSED: constant(uint256) = 1
U16: constant(uint256) = 2**16 - 1
U48: constant(uint256) = 2**48 - 1

struct Token:
    token: address
    unit_decimals: uint256
    scale: uint256  # the token's smallest parts in one unit

struct Status:
    batch_id: uint64
    last_sequence: uint64
    head: bytes32
    paused: bool
    frozen_since: uint256
    operator_seen: uint256
    n_tokens: uint256
    block_number: uint256
    block_time: uint256

EXIT_DELAY_S: immutable(uint256)
SILENCE_S: immutable(uint256)
GENESIS_HEAD: immutable(bytes32)

_state: uint256
_head: bytes32
_roles: address[ROLES]
_offered: address[ROLES]
_tokens: Token[TOKENS_MAX]
_liabilities: uint256[TOKENS_MAX]
_listed: HashMap[address, bool]
_holders: HashMap[uint256, address]
_accounts: HashMap[address, uint256]
_kyc_until: HashMap[uint256, uint256]
_frozen_accounts: HashMap[uint256, bool]
_requests: HashMap[uint256, uint256]  # account << 8 | tid -> ready_at << 64 | units
_commitments: HashMap[uint64, bytes32]  # batch -> keccak256(trades_root, n_trades)
_balances: uint256[KEYS]  # last, and in slots that follow from the key: no hash to make, and readable by anyone


@deploy
def __init__(
    owner: address,
    operator: address,
    guardian: address,
    registrar: address,
    genesis_head: bytes32,
    exit_delay_s: uint256,
    silence_s: uint256,
):
    """
    @notice Make the vault of one venue.
    @param owner Lists tokens and offers roles
    @param operator Settles batches
    @param guardian Pauses
    @param registrar Binds accounts to addresses, and freezes accounts
    @param genesis_head The head before the first batch: that of the venue's empty ledger
    @param exit_delay_s Seconds from a withdrawal's request until it may be taken, at most 30 days
    @param silence_s Seconds of the operator's silence after which anyone may freeze, at most 90 days
    """
    for who: address in [owner, operator, guardian, registrar]:
        assert who != empty(address), "no address"
    assert exit_delay_s > 0 and exit_delay_s <= DELAY_S_MAX, "bad delay"
    assert silence_s > 0 and silence_s <= SILENCE_S_MAX, "bad silence"
    self._roles = [owner, operator, guardian, registrar]
    EXIT_DELAY_S = exit_delay_s
    SILENCE_S = silence_s
    GENESIS_HEAD = genesis_head
    self._head = genesis_head
    self._state = block.timestamp << SEEN_AT


# Settlement: the operator's one power.


@external
@nonreentrant
def settle_batch(
    batch_id: uint64,
    last_sequence: uint64,
    n_trades: uint64,
    prev_head: bytes32,
    trades_root: bytes32,
    journal_hash: bytes32,
    deltas: Bytes[DELTAS_MAX * DELTA_BYTES],
):
    """
    @notice Apply one batch of netted trades. Only the operator, only the next batch.
    @param batch_id The last batch's number plus one
    @param last_sequence The last command of the venue's journal that the batch covers
    @param n_trades How many trades the batch nets
    @param prev_head The head this batch continues
    @param trades_root RFC 9162 tree hash over the trades' 64-byte records
    @param journal_hash The journal's chain value after `last_sequence`
    @param deltas Records of 37 bytes: key u40, four int64, big-endian, strictly ascending by key
    """
    assert msg.sender == self._roles[OPERATOR], "not operator"
    state: uint256 = self._state
    assert state & PAUSED == 0, "paused"
    assert (state >> FROZEN_AT) & U48 == 0, "frozen"
    assert convert(batch_id, uint256) == (state >> BATCH_AT) + 1, "not next batch"
    assert convert(last_sequence, uint256) > (state >> SEQUENCE_AT) & LANE, "sequence behind"
    assert prev_head == self._head, "other head"
    size: uint256 = len(deltas)
    assert size % DELTA_BYTES == 0, "torn deltas"

    key_min: uint256 = 0
    group: uint256 = 0
    even: uint256 = 0  # sums of this group's lanes 1 and 3, each in 128 bits, modulo 2^256
    odd: uint256 = 0  # of lanes 0 and 2
    at: uint256 = 0
    for _: uint256 in range(unsafe_div(size, DELTA_BYTES), bound=DELTAS_MAX):
        key: uint256 = extract32(deltas, at, output_type=uint256) >> 216
        change: uint256 = extract32(deltas, unsafe_add(at, 5), output_type=uint256)
        at = unsafe_add(at, DELTA_BYTES)
        assert key >= key_min, "deltas unsorted"
        assert change != 0, "empty delta"
        key_min = unsafe_add(key, 1)
        if key >> 32 != group:
            assert even | odd == 0, "not zero-sum"
            group = key >> 32
            assert group < GROUPS, "no such token"
        # A lane's sum of fewer than 2^63 terms cannot fill 127 bits, so that the two sums in a word
        # are zero exactly when the word is.
        biased: uint256 = change ^ TOPS
        even = unsafe_sub(unsafe_add(even, biased & EVERY_SECOND), BIAS)
        odd = unsafe_sub(unsafe_add(odd, (biased >> 64) & EVERY_SECOND), BIAS)
        balance: uint256 = self._balances[key]
        moved: uint256 = unsafe_add(balance, change & BELOW) ^ (change & TOPS)
        if moved & TOPS != 0:
            moved = self._with_pending(key, balance, change)
        self._balances[key] = moved
    assert even | odd == 0, "not zero-sum"

    head: bytes32 = keccak256(
        abi_encode(prev_head, batch_id, last_sequence, n_trades, trades_root, journal_hash, keccak256(deltas))
    )
    self._head = head
    if n_trades != 0:
        self._commitments[batch_id] = keccak256(abi_encode(trades_root, n_trades))
    kept: uint256 = state & (2**SEEN_AT - 1)
    self._state = (
        (convert(batch_id, uint256) << BATCH_AT)
        | (convert(last_sequence, uint256) << SEQUENCE_AT)
        | (block.timestamp << SEEN_AT)
        | kept
    )
    log Settled(
        batch_id=batch_id,
        last_sequence=last_sequence,
        n_trades=n_trades,
        head=head,
        trades_root=trades_root,
        journal_hash=journal_hash,
    )


@internal
def _with_pending(key: uint256, balance: uint256, change: uint256) -> uint256:
    """
    @dev The slow way for a word of which a lane does not come out between 0 and 2^63 - 1: what is
        missing is taken from the account's requested withdrawal, so that a request can never make a
        batch fail.
    """
    account: uint256 = key & (ACCOUNTS - 1)
    moved: uint256 = 0
    for lane: uint256 in range(4):
        lane_at: uint256 = 192 - 64 * lane
        units: int256 = convert((balance >> lane_at) & LANE, int256)
        delta: uint256 = (change >> lane_at) & LANE
        units += convert(delta & UNITS_MAX, int256)
        if delta > UNITS_MAX:
            units -= 2**63
        if units < 0:
            tid: uint256 = ((key >> 32) << 2) | lane
            request: uint256 = self._requests[(account << 8) | tid]
            missing: uint256 = convert(-units, uint256)
            assert request & LANE >= missing, "negative balance"
            left: uint256 = (request & LANE) - missing
            self._requests[(account << 8) | tid] = request - missing if left != 0 else 0
            log WithdrawalReduced(account=account, tid=tid, units=left)
            units = 0
        assert units <= 2**63 - 1, "balance too large"
        moved |= convert(units, uint256) << lane_at
    return moved


@external
def heartbeat():
    """
    @notice Let the operator of a quiet venue say that it is there. Not while paused: a pause cannot put off a freeze.
    """
    assert msg.sender == self._roles[OPERATOR], "not operator"
    state: uint256 = self._state
    assert state & PAUSED == 0, "paused"
    assert (state >> FROZEN_AT) & U48 == 0, "frozen"
    self._state = state & ~(U48 << SEEN_AT) | (block.timestamp << SEEN_AT)
    log OperatorSeen(at=block.timestamp)


# Money in.


@external
@nonreentrant
def deposit(tid: uint256, units: uint256):
    """
    @notice Pay a token in; it is credited to the caller's account. The vault must be allowed to take it.
    @param tid The token's number
    @param units How much, in the venue's units
    """
    self._deposit(tid, units)


@external
@nonreentrant
def deposit_with_permit(tid: uint256, units: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @notice Pay a token in with an ERC-2612 permit instead of an allowance given before.
    @dev A permit that somebody else has handed in already fails here and still counts, so its failure
        is not looked at: the transfer decides.
    @param tid The token's number
    @param units How much, in the venue's units
    @param deadline The permit's
    @param v Of the permit's signature
    @param r Of the permit's signature
    @param s Of the permit's signature
    """
    token: Token = self._token(tid)
    assert units <= UNITS_MAX, "too many units"
    # A failed call reverts nothing, so there is nothing to do with its outcome.
    done: bool = raw_call(
        token.token,
        abi_encode(
            msg.sender,
            self,
            units * token.scale,
            deadline,
            v,
            r,
            s,
            method_id=method_id("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"),
        ),
        revert_on_failure=False,
    )
    self._deposit(tid, units)


@internal
def _deposit(tid: uint256, units: uint256):
    state: uint256 = self._state
    assert state & PAUSED == 0, "paused"
    assert (state >> FROZEN_AT) & U48 == 0, "frozen"
    account: uint256 = self._account(msg.sender)
    assert not self._frozen_accounts[account], "account frozen"
    assert self._kyc_until[account] >= block.timestamp, "kyc expired"
    assert units > 0, "no units"
    token: Token = self._token(tid)
    assert units <= UNITS_MAX and self._liabilities[tid] + units <= UNITS_MAX, "too many units"
    amount: uint256 = units * token.scale
    before: uint256 = staticcall IERC20(token.token).balanceOf(self)
    assert extcall IERC20(token.token).transferFrom(msg.sender, self, amount, default_return_value=True), "transfer failed"
    assert staticcall IERC20(token.token).balanceOf(self) == before + amount, "other amount came"
    self._liabilities[tid] += units
    self._balances[self._key(account, tid)] += units << self._lane_at(tid)
    log Deposited(account=account, tid=tid, units=units, by=msg.sender)


# Money out: without the operator, also while paused. Only a freeze of the account itself stops it.


@external
@nonreentrant
def request_withdraw(tid: uint256, units: uint256):
    """
    @notice Set units of the caller's balance apart, to be taken after the delay. One request for a token at a time.
    @dev A settlement that the caller's trades owe takes from the balance first, then from what is set apart.
    @param tid The token's number
    @param units How much, in the venue's units
    """
    account: uint256 = self._account(msg.sender)
    assert not self._frozen_accounts[account], "account frozen"
    assert units > 0, "no units"
    self._token(tid)
    name: uint256 = (account << 8) | tid
    assert self._requests[name] == 0, "request open"
    key: uint256 = self._key(account, tid)
    lane_at: uint256 = self._lane_at(tid)
    balance: uint256 = self._balances[key]
    assert (balance >> lane_at) & LANE >= units, "balance too small"
    self._balances[key] = balance - (units << lane_at)
    ready_at: uint256 = block.timestamp + EXIT_DELAY_S
    self._requests[name] = (ready_at << 64) | units
    log WithdrawalRequested(account=account, tid=tid, units=units, ready_at=ready_at)


@external
@nonreentrant
def cancel_withdraw(tid: uint256):
    """
    @notice Put what is left of the caller's request back into its balance.
    @param tid The token's number
    """
    account: uint256 = self._account(msg.sender)
    self._token(tid)
    name: uint256 = (account << 8) | tid
    units: uint256 = self._requests[name] & LANE
    assert units > 0, "no request"
    self._requests[name] = 0
    self._balances[self._key(account, tid)] += units << self._lane_at(tid)
    log WithdrawalCancelled(account=account, tid=tid, units=units)


@external
@nonreentrant
def withdraw(tid: uint256, to: address):
    """
    @notice Pay out what is left of the caller's request once its delay is over, or at once from a frozen vault.
    @param tid The token's number
    @param to Who receives it
    """
    account: uint256 = self._account(msg.sender)
    assert not self._frozen_accounts[account], "account frozen"
    assert to != empty(address) and to != self, "bad receiver"
    token: Token = self._token(tid)
    name: uint256 = (account << 8) | tid
    request: uint256 = self._requests[name]
    units: uint256 = request & LANE
    assert units > 0, "no request"
    frozen: bool = (self._state >> FROZEN_AT) & U48 != 0
    assert frozen or block.timestamp >= request >> 64, "too early"
    self._requests[name] = 0
    self._liabilities[tid] -= units
    assert extcall IERC20(token.token).transfer(to, units * token.scale, default_return_value=True), "transfer failed"
    log Withdrawn(account=account, tid=tid, units=units, to=to)


# Who is who: the registrar's powers.


@external
def register(account: uint256, who: address, kyc_until: uint256):
    """
    @notice Bind an account of the venue to an address, for good: neither is ever bound again. Only the registrar.
    @param account The venue's number
    @param who The address that may deposit to it and withdraw from it
    @param kyc_until Until when it may deposit, in seconds since 1970 UTC
    """
    assert msg.sender == self._roles[REGISTRAR], "not registrar"
    assert account < ACCOUNTS and account != CUSTODY_ACCOUNT, "bad account"
    assert who != empty(address) and who != self, "no address"
    assert self._holders[account] == empty(address), "account bound"
    assert self._holders[self._accounts[who]] != who, "address bound"
    self._holders[account] = who
    self._accounts[who] = account
    self._kyc_until[account] = kyc_until
    log Registered(account=account, who=who)
    log AccountSet(account=account, kyc_until=kyc_until, frozen=self._frozen_accounts[account])


@external
def set_account(account: uint256, kyc_until: uint256, frozen: bool):
    """
    @notice Say until when an account may deposit, and whether its exit is blocked. Only the registrar.
    @dev Settlement looks at neither: what was matched is settled.
    @param account The venue's number; it need not be bound yet
    @param kyc_until Until when it may deposit, in seconds since 1970 UTC
    @param frozen Whether it may neither deposit nor withdraw
    """
    assert msg.sender == self._roles[REGISTRAR], "not registrar"
    assert account < ACCOUNTS and account != CUSTODY_ACCOUNT, "bad account"
    self._kyc_until[account] = kyc_until
    self._frozen_accounts[account] = frozen
    log AccountSet(account=account, kyc_until=kyc_until, frozen=frozen)


# The owner's powers.


@external
def list_token(token: address, unit_decimals: uint256) -> uint256:
    """
    @notice Take a token in as the next currency of the venue, for good. Only the owner.
    @param token An ERC-20 with `decimals`; it must neither charge for transfers nor change balances by itself
    @param unit_decimals Decimals of the venue's units, at most the token's
    @return The token's number
    """
    assert msg.sender == self._roles[OWNER], "not owner"
    assert not self._listed[token], "token listed"
    decimals: uint256 = convert(staticcall IERC20Detailed(token).decimals(), uint256)
    assert unit_decimals <= decimals and decimals <= 36, "bad decimals"
    state: uint256 = self._state
    tid: uint256 = (state >> TOKENS_AT) & U16
    assert tid < TOKENS_MAX, "too many tokens"
    scale: uint256 = 10 ** (decimals - unit_decimals)
    self._listed[token] = True
    self._tokens[tid] = Token(token=token, unit_decimals=unit_decimals, scale=scale)
    self._state = state + (1 << TOKENS_AT)
    log TokenListed(tid=tid, token=token, unit_decimals=unit_decimals, scale=scale)
    return tid


@external
def set_role(role: uint256, who: address):
    """
    @notice Offer a role; it passes on when the address takes it. Only the owner.
    @param role 0 owner, 1 operator, 2 guardian, 3 registrar
    @param who Whom it is offered to; the zero address withdraws an offer
    """
    assert msg.sender == self._roles[OWNER], "not owner"
    assert role < ROLES, "no such role"
    self._offered[role] = who
    log RoleOffered(role=role, who=who)


@external
def accept_role(role: uint256):
    """
    @notice Take a role that was offered to the caller.
    @param role 0 owner, 1 operator, 2 guardian, 3 registrar
    """
    assert role < ROLES, "no such role"
    assert msg.sender == self._offered[role], "not offered"
    self._offered[role] = empty(address)
    self._roles[role] = msg.sender
    log RoleTaken(role=role, who=msg.sender)


# Brakes.


@external
def set_paused(paused: bool):
    """
    @notice Stop settlement and deposits, or let them go on. Exits go on in any case. Only the guardian.
    @param paused Whether they stand still
    """
    assert msg.sender == self._roles[GUARDIAN], "not guardian"
    self._state = self._state & ~PAUSED | (PAUSED if paused else 0)
    log PausedSet(paused=paused)


@external
def freeze():
    """
    @notice End this vault when its operator has been silent for `silence_s`: no batch and no deposit any more,
        and exits without delay. Anyone, and for good.
    """
    state: uint256 = self._state
    assert (state >> FROZEN_AT) & U48 == 0, "frozen"
    assert block.timestamp > ((state >> SEEN_AT) & U48) + SILENCE_S, "operator not silent"
    self._state = state | (block.timestamp << FROZEN_AT)
    log Frozen(by=msg.sender)


# Views.


@external
@view
def status() -> Status:
    """
    @notice Where the vault stands, all read in one moment.
    @return Last batch and command, head, brakes, when the operator was seen, tokens, and the block of this answer
    """
    state: uint256 = self._state
    return Status(
        batch_id=convert(state >> BATCH_AT, uint64),
        last_sequence=convert((state >> SEQUENCE_AT) & LANE, uint64),
        head=self._head,
        paused=state & PAUSED != 0,
        frozen_since=(state >> FROZEN_AT) & U48,
        operator_seen=(state >> SEEN_AT) & U48,
        n_tokens=(state >> TOKENS_AT) & U16,
        block_number=block.number,
        block_time=block.timestamp,
    )


@external
@view
def balance_of(account: uint256, tid: uint256) -> uint256:
    """
    @notice An account's settled units of a token, without what it has requested to withdraw.
    @param account The venue's number
    @param tid The token's number
    @return Units
    """
    assert account < ACCOUNTS and tid < TOKENS_MAX, "bad account"
    return (self._balances[self._key(account, tid)] >> self._lane_at(tid)) & LANE


@external
@view
def pending(account: uint256, tid: uint256) -> (uint256, uint256):
    """
    @notice What is left of an account's requested withdrawal of a token.
    @param account The venue's number
    @param tid The token's number
    @return Units, and from when on they may be taken, in seconds since 1970 UTC; zeros where there is no request
    """
    assert account < ACCOUNTS and tid < TOKENS_MAX, "bad account"
    request: uint256 = self._requests[(account << 8) | tid]
    return request & LANE, request >> 64


@external
@view
def balance_words(keys: DynArray[uint256, 512]) -> DynArray[uint256, 512]:
    """
    @notice Many balances in one moment: the words that the keys name, four lanes of 64 bits each.
    @param keys (tid / 4) << 32 | account
    @return The words, in the order of the keys
    """
    words: DynArray[uint256, 512] = []
    for key: uint256 in keys:
        assert key < KEYS, "bad account"
        words.append(self._balances[key])
    return words


@external
@view
def liabilities(tid: uint256) -> uint256:
    """
    @notice What the vault owes of a token: all balances and all requested withdrawals together.
    @param tid The token's number
    @return Units
    """
    assert tid < TOKENS_MAX, "no such token"
    return self._liabilities[tid]


@external
@view
def token(tid: uint256) -> Token:
    """
    @notice A listed token.
    @param tid The token's number
    @return Its address, the decimals of the venue's units, and its smallest parts in one unit
    """
    return self._token(tid)


@external
@view
def role(role: uint256) -> (address, address):
    """
    @notice Who has a role, and whom it is offered to.
    @param role 0 owner, 1 operator, 2 guardian, 3 registrar
    @return Who has it, and who may take it
    """
    assert role < ROLES, "no such role"
    return self._roles[role], self._offered[role]


@external
@view
def holder(account: uint256) -> (address, uint256, bool):
    """
    @notice Who an account is bound to.
    @param account The venue's number
    @return Its address (zero: not bound), until when it may deposit, and whether its exit is blocked
    """
    return self._holders[account], self._kyc_until[account], self._frozen_accounts[account]


@external
@view
def account_of(who: address) -> uint256:
    """
    @notice The account that an address is bound to.
    @param who The address
    @return The venue's number
    """
    return self._account(who)


@external
@view
def terms() -> (uint256, uint256, bytes32):
    """
    @notice What was fixed when the vault was made.
    @return Seconds until a withdrawal may be taken, seconds of silence until anyone may freeze, and the genesis head
    """
    return EXIT_DELAY_S, SILENCE_S, GENESIS_HEAD


@external
@view
def verify_trade(
    batch_id: uint64, record: Bytes[64], index: uint256, n_trades: uint256, path: DynArray[bytes32, 32]
) -> bool:
    """
    @notice Whether a trade's record is in a settled batch: RFC 9162, section 2.1.3.2, over SHA-256.
    @dev A leaf is hashed after a zero byte and has 64 bytes, a node after a byte 1: neither passes for the other.
    @param batch_id The batch
    @param record The trade, 64 bytes
    @param index Its place among the batch's trades, from 0
    @param n_trades How many the batch has
    @param path The hashes beside the way up, from the bottom
    @return Whether it is
    """
    if len(record) != 64 or index >= n_trades or n_trades > UNITS_MAX:
        return False
    found: bytes32 = sha256(concat(x"00", record))
    at: uint256 = index
    last: uint256 = n_trades - 1
    for beside: bytes32 in path:
        if last == 0:
            return False
        if at & 1 == 1 or at == last:
            found = sha256(concat(x"01", beside, found))
            for _: uint256 in range(64):
                if at & 1 == 1 or at == 0:
                    break
                at >>= 1
                last >>= 1
        else:
            found = sha256(concat(x"01", found, beside))
        at >>= 1
        last >>= 1
    return last == 0 and self._commitments[batch_id] == keccak256(abi_encode(found, n_trades))


@internal
@view
def _account(who: address) -> uint256:
    account: uint256 = self._accounts[who]
    assert who != empty(address) and self._holders[account] == who, "not registered"
    return account


@internal
@view
def _token(tid: uint256) -> Token:
    assert tid < TOKENS_MAX, "no such token"
    token: Token = self._tokens[tid]
    assert token.token != empty(address), "no such token"
    return token


@internal
@pure
def _key(account: uint256, tid: uint256) -> uint256:
    return ((tid >> 2) << 32) | account


@internal
@pure
def _lane_at(tid: uint256) -> uint256:
    return 192 - 64 * (tid & 3)
