#pragma once
class Network;
void thalia_serve(Network *network);
