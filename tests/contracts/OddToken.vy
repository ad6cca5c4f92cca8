# pragma version 0.4.3
# pragma evm-version cancun
"""
@title A token for tests, with the habits that tokens out there have
"""

decimals: public(uint8)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])

fee: public(uint256)  # what it keeps of each transfer
says_false: public(bool)  # instead of moving anything
blocked: public(HashMap[address, bool])
target: address  # whom it calls in the middle of a transfer
calldata: Bytes[2048]
answer: public(Bytes[256])
called: public(bool)
succeeded: public(bool)


@deploy
def __init__(decimals: uint8):
    self.decimals = decimals


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    return True


@external
def set_fee(fee: uint256):
    self.fee = fee


@external
def set_false(says_false: bool):
    self.says_false = says_false


@external
def block_address(who: address, blocked: bool):
    self.blocked[who] = blocked


@external
def set_callback(target: address, calldata: Bytes[2048]):
    self.target = target
    self.calldata = calldata


@external
def act(target: address, calldata: Bytes[2048]):
    """
    @dev Makes the token itself a caller: of the vault, as the holder of an account.
    """
    raw_call(target, calldata)


@external
def transfer(to: address, amount: uint256) -> bool:
    return self._move(msg.sender, to, amount)


@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    assert self.allowance[owner][msg.sender] >= amount, "allowance"
    self.allowance[owner][msg.sender] -= amount
    return self._move(owner, to, amount)


@internal
def _move(owner: address, to: address, amount: uint256) -> bool:
    if self.says_false:
        return False
    assert not self.blocked[owner] and not self.blocked[to], "blocked"
    if self.target != empty(address):
        succeeded: bool = False
        answer: Bytes[256] = b""
        succeeded, answer = raw_call(self.target, self.calldata, max_outsize=256, revert_on_failure=False)
        self.called = True
        self.succeeded = succeeded
        self.answer = answer
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - self.fee
    return True
