"""The demo on a chain of its own: what it says of the chain, and that one altered balance there is seen."""

import json
import signal
import subprocess
import sys
from pathlib import Path

from fxengine.chain.rpc import Rpc
from tests.integration.served_venue import answer
from tests.ledger.evm.site import BALANCES_SLOT

CLOSING_S_MAX = 60


def test_the_demo_settles_on_a_chain_that_anyone_can_read(tmp_path: Path) -> None:
    directory = tmp_path / "venue"
    command = [sys.executable, "-m", "fxengine", "demo", "--ledger", "evm", "--seconds", "6", "--keep", "--json"]
    demo = subprocess.Popen(
        [*command, "--dir", str(directory)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    try:
        assert demo.stdout is not None
        said = json.loads(demo.stdout.readline())
        assert said.get("ok") is True, said
        chain = said["chain"]
        assert (chain["head_equal"], chain["balances_equal"]) == (True, True)
        assert chain["batches"] == said["batches"] > 3
        assert chain["block"] > 0
        assert 0 < chain["gas_per_trade"] < 100_000
        posted, final = chain["order_to_posted_ms"], chain["order_to_final_ms"]
        assert 0 < posted["p50"] < final["p50"] <= final["p99"] < 10_000, "final in under ten seconds"

        verified = answer("verify", str(directory), "--chain", chain["rpc"])
        assert verified["ok"] is True, verified
        rpc = Rpc(chain["rpc"])
        slot = hex(BALANCES_SLOT + 2)  # account 2's first four currencies
        word = int(rpc.call("eth_getStorageAt", chain["vault"], slot, "latest"), 16)
        rpc.call("anvil_setStorageAt", chain["vault"], slot, f"0x{word + 1:064x}")
        rpc.call("evm_mine")
        altered = answer("verify", str(directory), "--chain", chain["rpc"])
        assert (altered["ok"], altered["chain"]["balances_equal"], altered["exit_code"]) == (False, False, 1)
        assert altered["chain"]["head_equal"] is True
        demo.send_signal(signal.SIGINT)
        assert demo.wait(CLOSING_S_MAX) == 0
    finally:
        demo.kill()
        demo.communicate()
