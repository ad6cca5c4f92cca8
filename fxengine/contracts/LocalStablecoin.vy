# pragma version 0.4.3
# pragma evm-version cancun
# pragma optimize gas
"""
@title LocalStablecoin: a stablecoin of one local currency, of one issuer
@license Apache-2.0
@notice
    An ERC-20 with ERC-2612 permits. Its issuer mints what was paid in and burns what was paid out, each
    time with the supply that results; its compliance officer freezes addresses. Nobody can move or take
    what an address holds but that address, and nothing is charged for a transfer.
@dev EIP-20, EIP-2612, EIP-712. A transfer that cannot be done reverts; it never returns false.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

implements: IERC20
implements: IERC20Detailed

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256

event Issued:
    to: indexed(address)
    amount: uint256
    supply: uint256

event Redeemed:
    by: indexed(address)
    amount: uint256
    supply: uint256

event FrozenSet:
    who: indexed(address)
    frozen: bool

event RoleOffered:
    role: indexed(uint256)
    who: indexed(address)

event RoleTaken:
    role: indexed(uint256)
    who: indexed(address)

# The names of the roles, as `set_role` and `role` take them.
OWNER: constant(uint256) = 0
ISSUER: constant(uint256) = 1
COMPLIANCE: constant(uint256) = 2
ROLES: constant(uint256) = 3

DOMAIN_TYPE: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
PERMIT_TYPE: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
VERSION: constant(bytes32) = keccak256("1")
# Signatures with a larger s are the same signatures written otherwise (EIP-2).
S_MAX: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

NAME: immutable(String[64])
SYMBOL: immutable(String[16])
DECIMALS: immutable(uint8)

totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
nonces: public(HashMap[address, uint256])
frozen: public(HashMap[address, bool])

_roles: address[ROLES]
_offered: address[ROLES]


@deploy
def __init__(
    name: String[64], symbol: String[16], decimals: uint8, owner: address, issuer: address, compliance: address
):
    """
    @notice Make a coin of which there is nothing yet.
    @param name Such as "Japanese yen stablecoin"
    @param symbol Such as "JPY"
    @param decimals Decimals of its smallest part, at most 36
    @param owner Offers roles
    @param issuer Mints and burns
    @param compliance Freezes addresses
    """
    for who: address in [owner, issuer, compliance]:
        assert who != empty(address), "no address"
    assert decimals <= 36, "bad decimals"
    NAME = name
    SYMBOL = symbol
    DECIMALS = decimals
    self._roles = [owner, issuer, compliance]


# ERC-20.


@external
@view
def name() -> String[64]:
    """
    @notice The coin's name.
    @return Such as "Japanese yen stablecoin"
    """
    return NAME


@external
@view
def symbol() -> String[16]:
    """
    @notice The coin's short name.
    @return Such as "JPY"
    """
    return SYMBOL


@external
@view
def decimals() -> uint8:
    """
    @notice How many decimals its smallest part stands for.
    @return Decimals
    """
    return DECIMALS


@external
def transfer(to: address, amount: uint256) -> bool:
    """
    @notice Send some of what the caller holds.
    @param to Who receives it
    @param amount How much, in smallest parts
    @return Always true
    """
    self._transfer(msg.sender, to, amount)
    return True


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    """
    @notice Send some of what another holds and has allowed the caller to send.
    @dev An allowance of 2^256 - 1 is not used up.
    @param owner Whose it is
    @param to Who receives it
    @param amount How much, in smallest parts
    @return Always true
    """
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed != max_value(uint256):
        assert allowed >= amount, "allowance too small"
        self.allowance[owner][msg.sender] = allowed - amount
    self._transfer(owner, to, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow another to send some of what the caller holds, instead of what was allowed before.
    @param spender Who may
    @param amount How much, in smallest parts
    @return Always true
    """
    self._approve(msg.sender, spender, amount)
    return True


@internal
def _transfer(owner: address, to: address, amount: uint256):
    assert to != empty(address) and to != self, "bad receiver"
    assert not self.frozen[owner] and not self.frozen[to], "address frozen"
    assert self.balanceOf[owner] >= amount, "balance too small"
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
    log Transfer(sender=owner, receiver=to, value=amount)


@internal
def _approve(owner: address, spender: address, amount: uint256):
    assert spender != empty(address), "no address"
    self.allowance[owner][spender] = amount
    log Approval(owner=owner, spender=spender, value=amount)


# ERC-2612.


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @notice What ties a permit to this coin on this chain; made anew at each call, as a chain may split.
    @return EIP-712's domain separator
    """
    return self._domain()


@external
def permit(
    owner: address, spender: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32
):
    """
    @notice Allow a spender by a signature instead of a transaction; anyone may hand it in, once.
    @param owner Who signed
    @param spender Who may send
    @param amount How much, in smallest parts
    @param deadline Until when it may be handed in, in seconds since 1970 UTC
    @param v Of the signature, 27 or 28
    @param r Of the signature
    @param s Of the signature
    """
    assert block.timestamp <= deadline, "permit expired"
    nonce: uint256 = self.nonces[owner]
    content: bytes32 = keccak256(abi_encode(PERMIT_TYPE, owner, spender, amount, nonce, deadline))
    digest: bytes32 = keccak256(concat(x"1901", self._domain(), content))
    assert owner != empty(address) and convert(s, uint256) <= S_MAX, "bad signature"
    assert ecrecover(digest, v, r, s) == owner, "bad signature"
    self.nonces[owner] = nonce + 1
    self._approve(owner, spender, amount)


@internal
@view
def _domain() -> bytes32:
    return keccak256(abi_encode(DOMAIN_TYPE, keccak256(NAME), VERSION, chain.id, self))


# The issuer's powers.


@external
def mint(to: address, amount: uint256):
    """
    @notice Issue coins against what was paid in. Only the issuer.
    @param to Who receives them
    @param amount How much, in smallest parts
    """
    assert msg.sender == self._roles[ISSUER], "not issuer"
    assert to != empty(address) and to != self, "bad receiver"
    assert not self.frozen[to], "address frozen"
    supply: uint256 = self.totalSupply
    assert amount <= max_value(uint256) - supply, "supply too large"
    supply += amount
    self.totalSupply = supply
    self.balanceOf[to] += amount
    log Transfer(sender=empty(address), receiver=to, value=amount)
    log Issued(to=to, amount=amount, supply=supply)


@external
def burn(amount: uint256):
    """
    @notice Redeem coins that were sent to the issuer and paid out. Only the issuer, and only what it holds.
    @param amount How much, in smallest parts
    """
    assert msg.sender == self._roles[ISSUER], "not issuer"
    assert self.balanceOf[msg.sender] >= amount, "balance too small"
    self.balanceOf[msg.sender] -= amount
    supply: uint256 = self.totalSupply - amount
    self.totalSupply = supply
    log Transfer(sender=msg.sender, receiver=empty(address), value=amount)
    log Redeemed(by=msg.sender, amount=amount, supply=supply)


@external
def set_frozen(who: address, frozen: bool):
    """
    @notice Stop an address from sending and receiving, or let it again. Only compliance.
    @param who The address
    @param frozen Whether it is stopped
    """
    assert msg.sender == self._roles[COMPLIANCE], "not compliance"
    self.frozen[who] = frozen
    log FrozenSet(who=who, frozen=frozen)


# Roles pass on in two steps.


@external
def set_role(role: uint256, who: address):
    """
    @notice Offer a role; it passes on when the address takes it. Only the owner.
    @param role 0 owner, 1 issuer, 2 compliance
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
    @param role 0 owner, 1 issuer, 2 compliance
    """
    assert role < ROLES, "no such role"
    assert msg.sender == self._offered[role], "not offered"
    self._offered[role] = empty(address)
    self._roles[role] = msg.sender
    log RoleTaken(role=role, who=msg.sender)


@external
@view
def role(role: uint256) -> (address, address):
    """
    @notice Who has a role, and whom it is offered to.
    @param role 0 owner, 1 issuer, 2 compliance
    @return Who has it, and who may take it
    """
    assert role < ROLES, "no such role"
    return self._roles[role], self._offered[role]
