import { startPage } from "./page";
import { startPartial } from "./partial";
import { startStation } from "./scan/station";

startPartial();
startPage();
startStation();
