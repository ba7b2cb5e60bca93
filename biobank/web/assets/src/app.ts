import { startBench } from "./bench/bench";
import { runClocks } from "./bench/clocks";
import { startLive } from "./live";
import { startPage } from "./page";
import { startPartial } from "./partial";
import { watchSignOut } from "./scan/offline";
import { startStation } from "./scan/station";
import { startWalk } from "./scan/walk";

watchSignOut();
startPartial();
startPage();
startStation();
startWalk();
startBench();
runClocks();
startLive();
